from sinks.types import named, top_level


def test_names_are_of_the_top_level_and_bounded() -> None:
    paths = {"a": ["Int64"], "b.c": ["String"], "b.d": ["Int64"], "e": ["Bool"]}
    assert named(top_level(paths, 9)) == {"a": "double", "b": "map<string>", "e": "boolean"}
    assert set(top_level(paths, 2)) == {"a", "b"}


def test_what_holds_several_types() -> None:
    assert named(
        {
            "numbers": {"double"},
            "mixed": {"double", "boolean"},
            "lists": {"array<double>", "array<string>"},
            "list or not": {"array<double>", "double"},
        }
    ) == {
        "numbers": "double",
        "mixed": "string",
        "lists": "array<string>",
        "list or not": "string",
    }
    assert named(top_level({"l": ["Array(Nullable(Bool))", "Array(Dynamic)"]}, 9)) == {
        "l": "array<string>"
    }
