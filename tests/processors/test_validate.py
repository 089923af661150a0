"""Properties against JSON Schemas: verdicts, texts, bounds; and the step in its place."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.steps import validate as step
from processors.steps.validate import (
    LONGEST_ERROR,
    MOST_ERRORS,
    MOST_LISTED,
    MOST_WORK,
    NO_CHECKS,
    Check,
    Checks,
    compiled,
    validated,
)
from processors.work import Record
from schemas import codec
from schemas.catalog import Collection
from schemas.errors import Malformed
from schemas.events import Event
from tests.processors.doing import steps
from tests.processors.world import NOW, Feed, line

ORDER = {
    "type": "object",
    "required": ["price"],
    "properties": {
        "price": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "mail": {"format": "email"},
        "code": {"pattern": "^[A-Z]{2}$"},
        "items": {"items": {"required": ["sku"], "properties": {"a/b": {"const": 1}}}},
    },
}
SIZE = 200
SECRET = "s3cr3t"


def held(*schemas: Any, **properties: Any) -> tuple[str, ...]:
    """The errors of properties under schemas that are called a, b, ..."""
    checks = tuple(compiled(chr(97 + n), schema) for n, schema in enumerate(schemas))
    return validated(Event("track", "sale", properties=properties), checks, SIZE).errors


@pytest.mark.parametrize(
    ("properties", "errors"),
    [
        ({"price": 9.95, "currency": "EUR"}, []),
        ({"price": 0, "other": None}, []),
        ({}, ['a: "price" is a required property']),
        ({"price": "9.95"}, ['a: /price: value is not of type "number"']),
        ({"price": -1}, ["a: /price: value is less than the minimum of 0"]),
        ({"price": 1, "currency": SECRET}, ['a: /currency: value is not one of "EUR" or "USD"']),
        ({"price": 1, "mail": SECRET}, ['a: /mail: value is not a "email"']),
        ({"price": 1, "code": SECRET}, ['a: /code: value does not match "^[A-Z]{2}$"']),
        ({"price": 1, "items": [{"sku": 1}, {}]}, ['a: /items/1: "sku" is a required property']),
        ({"price": 1, "items": [{"sku": 1, "a/b": 2}]}, ["a: /items/0/a~1b: 1 was expected"]),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_without_the_value(
    properties: dict[str, Any], errors: list[str]
) -> None:
    found = held(ORDER, **properties)
    assert list(found) == errors
    assert SECRET not in "".join(found)


DRAFT = {
    "prefixItems": ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], ["a", 1]),
    "dependentRequired": ({"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 2}, {"a": 1}),
    "dependentSchemas": (
        {"dependentSchemas": {"a": {"maxProperties": 1}}},
        {"a": 1},
        {"a": 1, "b": 2},
    ),
    "unevaluatedProperties": (
        {"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False},
        {"a": 1},
        {"b": 1},
    ),
    "unevaluatedItems": (
        {"prefixItems": [True], "unevaluatedItems": False},
        [1],
        [1, 2],
    ),
    "minContains": ({"contains": {"const": 1}, "minContains": 2}, [1, 1], [1, 2]),
    "if": ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"c": 1}, {"a": 1}),
    "anchor": ({"$ref": "#n", "$defs": {"x": {"$anchor": "n", "type": "null"}}}, None, 5),
    "siblings of $ref": (
        {"$ref": "#/$defs/x", "maximum": 5, "$defs": {"x": {"minimum": 1}}},
        3,
        6,
    ),
    "recursive": ({"items": {"$ref": "#"}, "maxItems": 1}, [[[]]], [[[], []]]),
    "propertyNames": ({"propertyNames": {"maxLength": 1}}, {"a": 1}, {"ab": 1}),
    "uniqueItems": ({"uniqueItems": True}, [1, "1"], [1, 1.0]),
    "multipleOf": ({"multipleOf": 0.01}, 19.99, 19.999),
    "integer": ({"type": "integer"}, 5.0, 5.5),
    "boolean is no number": ({"type": "number"}, 1, True),
    "null": ({"type": ["string", "null"]}, None, 0),
    "length in characters": ({"maxLength": 1}, "\U0001f600", "ab"),
    "format": ({"format": "date-time"}, "2026-11-20T10:11:12Z", "yesterday"),
    "unknown format": ({"format": "colour", "type": "string"}, "x", 5),
    "unicode pattern": ({"pattern": "^\\p{L}+$"}, "tâche", "a1"),
}


@pytest.mark.parametrize("keyword", DRAFT)
def test_the_words_of_2020_12_are_understood(keyword: str) -> None:
    schema, good, bad = DRAFT[keyword]
    schema = {"properties": {"x": {"$ref": "#/$defs/whole"}}, "$defs": {"whole": schema}}
    text = (
        json.dumps(schema)
        .replace('"#"', '"#/$defs/whole"')
        .replace("#/$defs/x", "#/$defs/whole/$defs/x")
    )
    assert held(json.loads(text), x=good) == ()
    assert held(json.loads(text), x=bad) != ()


@pytest.mark.parametrize(
    ("schema", "place", "words"),
    [
        ({"type": "objekt"}, "/type", '"objekt" is not valid'),
        ({"properties": {"a/b": {"minimum": "1"}}}, "/properties/a~1b/minimum", "not of type"),
        ({"allOf": []}, "/allOf", "less than 1 item"),
        ({"pattern": "(?=x)"}, "/pattern", "no look-around"),
        ({"pattern": "(a)\\1"}, "/pattern", "no back-reference"),
        ({"pattern": "((a{1,1000}){1,1000}){1,1000}"}, "/pattern", "linear time"),
        ({"patternProperties": {"(": {}}}, "/patternProperties/(", "linear time"),
        ({"definitions": {"a": {"$ref": "http://127.0.0.1:1/x"}}}, "", "Retrieval is disabled"),
        ({"$ref": "https://x.example/"}, "/$ref", "nothing is fetched"),
    ],
    ids=str,
)
def test_a_schema_that_is_none_is_refused(schema: Any, place: str, words: str) -> None:
    with pytest.raises(Malformed) as caught:
        compiled("a", schema)
    assert caught.value.code == "schema-invalid"
    assert (f"at {place} of the schema: " in caught.value.message) is bool(place)
    assert words in caught.value.message


def test_several_schemas_each_have_their_say_behind_the_vendor_s() -> None:
    checks = (
        compiled("a", {"required": ["x"]}),
        compiled("b", {}),
        compiled("c", {"minProperties": 1}),
    )
    event = Event("track", "sale", errors=("theirs",))
    assert validated(event, checks, SIZE).errors == (
        "theirs",
        'a: "x" is a required property',
        "c: value has less than 1 property",
    )
    good = Event("track", "sale", changes={"set": {"a": 1}})
    assert validated(good, checks[1:2], SIZE) is good
    assert validated(good, checks, SIZE).changes is None
    assert validated(good, NO_CHECKS, SIZE) is good


def test_errors_are_so_many_and_so_long_at_most() -> None:
    every = {"additionalProperties": {"type": "string"}}
    errors = held(every, every, **{f"p{n}": n for n in range(100)})
    assert len(errors) == MOST_ERRORS
    (error,) = held({"properties": {"a": {}}, "additionalProperties": False}, **{"n" * 5000: 1})
    assert len(error) == LONGEST_ERROR


def test_where_to_list_all_errors_would_take_long_only_the_verdict_is_told() -> None:
    strings = {"properties": {"x": {"anyOf": [{"items": {"type": "string"}}] * 3}}}
    assert len(held(strings, x=list(range(MOST_LISTED)))) == 1
    assert held(strings, x=list(range(MOST_LISTED))) == (
        "a: the properties do not fit this schema",
    )
    deep: Any = 1
    for _ in range(30):
        deep = {"a": deep}
    twice = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    assert held({"anyOf": [twice, twice]}, a=deep) == ("a: the properties do not fit this schema",)


def test_an_event_too_large_for_a_schema_is_told_so() -> None:
    check = compiled("a", ORDER)
    event = Event("track", "sale", properties={"price": 1})
    assert validated(event, (check,), MOST_WORK // check.weight).errors == ()
    assert validated(event, (check,), MOST_WORK // check.weight + 1).errors == (
        "a: the event is too large to be held against this schema",
    )


@pytest.mark.parametrize("value", [b"bytes", {"\ud800": 1}], ids=repr)
def test_what_is_no_json_is_not_valid(value: Any) -> None:
    (error,) = held(
        {
            "properties": {
                "x": {
                    "maxLength": 1,
                    "properties": {"a": {"maxLength": 1}},
                    "additionalProperties": {"maxLength": 1},
                }
            }
        },
        x=value,
    )
    assert error.startswith("a: the properties cannot be held against this schema: ")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["price", "currency", "mail", "code", "items", "x"]), JSON))
def test_the_verdict_is_the_library_s_and_nothing_is_changed(properties: dict[str, Any]) -> None:
    before = codec.dumps(properties)
    event = Event("track", "sale", properties=properties)
    found = validated(event, (compiled("a", ORDER),), SIZE)
    plain = jsonschema_rs.Draft202012Validator(ORDER, validate_formats=True)
    assert bool(found.errors) is not plain.is_valid(properties)
    assert found.properties is properties
    assert codec.dumps(properties) == before
    assert all(len(error) <= LONGEST_ERROR for error in found.errors)


def test_a_schema_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counting(name: str, schema: Any) -> Check:
        made.append(name)
        return compiled(name, schema)

    monkeypatch.setattr(step, "compiled", counting)
    checks = Checks()
    sale = Collection("shop", "sale", validations={"b": True, "a": ORDER})
    first = checks.find(sale)
    assert [check.name for check in first] == ["a", "b"]
    assert checks.find(sale) is first
    grown = sale.holding({"price": "double"})
    assert grown is not sale
    assert Collection("shop", "sale", validations={"b": True, "a": dict(ORDER)}) is not sale
    assert (
        checks.find(Collection("shop", "sale", validations={"b": True, "a": dict(ORDER)})) is first
    )
    assert made == ["a", "b"]
    checks.find(Collection("shop", "sale", validations={"a": False}))
    assert made == ["a", "b", "a"]
    assert checks.find(Collection("shop", "sale")) is NO_CHECKS
    assert checks.find(None) is NO_CHECKS


def test_a_schema_that_cannot_be_used_flags_events_and_loses_none() -> None:
    checks = Checks().find(Collection("shop", "sale", validations={"a": {"type": "objekt"}}))
    (error,) = validated(Event("track", "sale"), checks, SIZE).errors
    assert error.startswith("a: the schema cannot be used: at /type of the schema: ")


def test_events_of_the_type_are_flagged_as_they_were_sent_and_told() -> None:
    feed = Feed()
    feed.catalog.put(
        Collection(
            "shop",
            "moved",
            {"number": "string"},
            validations={"whole": {"properties": {"number": {"type": "integer"}}}},
        )
    )
    work = steps(feed, {}, lambda: NOW)
    lines = (
        line(number=5, ask="0:x"),
        line(body={"number": "6"}, ask="0:y"),
        line(body={"number": "7", "type": "stayed"}, ask="0:z"),
    )
    outcome = work(Record("shop", "x.raw.shop", 2, 9, b"\n".join(lines)))
    rows = [json.loads(text) for text in outcome.lines]
    error = 'whole: /number: value is not of type "integer"'
    assert [(row["valid"], row.get("errors")) for row in rows] == [
        (True, None),
        (False, [error]),
        (True, None),
    ]
    # the schema saw the number as it was sent; the row has it as the collection's type is
    assert [row["properties"]["number"] for row in rows] == ["5", "6", "7"]
    told = [json.loads(answer)["errors"] for _, answer in outcome.answers]
    assert told == [[], [error], []]
    assert outcome.dead == []


def test_an_event_that_is_not_stored_is_told_all_the_same() -> None:
    feed = Feed()
    feed.catalog.put(Collection("shop", "moved", validations={"none": False}))
    look = steps(feed, {}, lambda: NOW)
    outcome = look(Record("shop", "x.raw.shop", 2, 9, line(unsaved=["event"], ask="0:x")))
    assert (outcome.lines, outcome.unsaved) == ([], 1)
    ((_, answer),) = outcome.answers
    assert json.loads(answer)["errors"] == ["none: False schema does not allow value"]
