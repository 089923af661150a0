"""Any text becomes a name of its own, and stays readable where it can."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.naming import OWN_COLUMNS, column_name, database_names, literal, quoted, view_name

TEXT = st.text(st.characters(codec="utf-8"))
TRICKY = st.sampled_from([*OWN_COLUMNS, ""]).flatmap(
    lambda name: st.integers(0, 3).map(lambda more: name + "_" * more)
)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("price", "price"),
        ("Order Total", "Order Total"),
        ("_time", "_time_"),
        ("_time_", "_time__"),
        ("_user", "_user_"),
        ("_times", "_times"),
        ("_Time", "_Time"),
        ("", "_"),
        ("_", "__"),
        ("a_", "a_"),
    ],
)
def test_columns(name: str, column: str) -> None:
    assert column_name(name) == column


@pytest.mark.parametrize(
    ("collection", "view"),
    [
        ("order_placed", "order_placed"),
        ("Order Placed", "Order Placed"),
        ("order.placed/now", "order.placed/now"),
        ("", "_"),
        ("_", "__"),
        ("e" * 209, "e" * 209),
        ("e" * 210, "e" * 190 + "~1d4485e89ee944e9"),
        ("é" * 100, "é" * 31 + "~f42ec48e1e4b487e"),
        ("a~0123456789abcdef", "a~0123456789abcdef~4586717e11f65336"),
    ],
)
def test_views(collection: str, view: str) -> None:
    assert view_name(collection, "shop") == view


def test_a_long_name_of_the_database_leaves_less() -> None:
    assert len(view_name("e" * 256, "-" * 63)) == 213 - 3 * 63 - len("%7E") + len("~")


@pytest.mark.parametrize(
    ("source_id", "names"),
    [
        ("shop", ["shop", "s_shop", "s_s_shop"]),
        ("system", ["s_system", "s_s_system"]),
        ("default", ["s_default"]),
        ("information_schema", ["s_information_schema"]),
        ("headrace", ["s_headrace"]),
    ],
)
def test_databases(source_id: str, names: list[str]) -> None:
    assert list(islice(database_names(source_id, ("headrace",)), len(names))) == names


@given(st.sets(TEXT | TRICKY, min_size=2, max_size=2))
def test_no_two_properties_meet(names: set[str]) -> None:
    columns = {column_name(name) for name in names}
    assert len(columns) == len(names)
    assert columns.isdisjoint(OWN_COLUMNS)


@given(st.sets(TEXT | st.text("_~0a", max_size=20), min_size=2, max_size=2))
def test_no_two_collections_meet(names: set[str]) -> None:
    assert len({view_name(name, "shop") for name in names}) == len(names)


def test_what_looks_cut_does_not_meet_what_is_cut() -> None:
    cut = view_name("e" * 256, "shop")
    assert view_name(cut, "shop") != cut


@pytest.mark.parametrize(
    ("text", "written"),
    [("a", "'a'"), ("it's", r"'it\'s'"), ("\\", r"'\\'"), ("\x00\n\x7f", r"'\x00\x0a\x7f'")],
)
def test_literals(text: str, written: str) -> None:
    assert literal(text) == written


@pytest.mark.parametrize(("name", "written"), [("a", "`a`"), ("`", r"`\``"), ("a b", "`a b`")])
def test_identifiers(name: str, written: str) -> None:
    assert quoted(name) == written
