"""How collections grow, and what has no room in them."""

import pytest

from schemas.catalog import MAX_COLLECTIONS, OVERFLOW, Catalog, Collection, extended, read
from schemas.errors import Malformed
from schemas.growing import DAY_MS, MAX_PROPERTIES, Wish, grown, no_room, stale

NOON = 20_000 * DAY_MS + DAY_MS // 2
EMPTY = Collection("shop", "sale")


def wish(seen_at: int = NOON, **properties: str) -> Wish:
    return Wish("shop", "sale", properties, seen_at)


def test_the_first_type_stays() -> None:
    first = grown(EMPTY, wish(price="double", name="string"))
    assert (list(first.properties), first.version) == (["price", "name"], 1)
    assert first.seen == {"price": (NOON, NOON), "name": (NOON, NOON)}
    second = grown(first, wish(price="string", paid="boolean"))
    assert second.properties == {"price": "double", "name": "string", "paid": "boolean"}
    assert second.version == 2
    assert read(second.as_record()) == second


def test_a_day_is_written_once() -> None:
    first = grown(EMPTY, wish(price="double"))
    assert grown(first, wish(NOON + 1, price="double")) is first
    assert grown(first, wish(NOON - DAY_MS, price="double")) is first
    assert list(stale(first, NOON + 1)) == []
    assert list(stale(first, NOON + DAY_MS)) == ["price"]
    later = grown(first, wish(NOON + DAY_MS, price="double"))
    assert (later.seen, later.version) == ({"price": (NOON, NOON + DAY_MS)}, 1)


def test_what_was_only_declared_was_not_seen() -> None:
    declared = extended(EMPTY, {"price": "integer"})
    assert (declared.seen, list(stale(declared, NOON))) == ({}, ["price"])
    seen = grown(declared, wish(price="integer"))
    assert (seen.seen, seen.version) == ({"price": (NOON, NOON)}, 1)


def test_a_full_collection_takes_no_more() -> None:
    full = grown(
        EMPTY, Wish("shop", "sale", {f"p{n}": "double" for n in range(MAX_PROPERTIES + 5)}, NOON)
    )
    assert len(full.properties) == len(full.seen) == MAX_PROPERTIES
    catalog = Catalog()
    catalog.put(full)
    assert no_room(catalog, "shop", "sale", "one more") == "too-many-properties"


@pytest.mark.parametrize(
    ("collection", "name", "reason"),
    [
        ("sale", "n" * 256, ""),
        ("sale", "n" * 257, "property-name-invalid"),
        ("sale", "", "property-name-invalid"),
        ("sale", OVERFLOW, "property-name-invalid"),
        (" ", "a", "collection-name-invalid"),
        ("n" * 257, "a", "collection-name-invalid"),
        ("new", "a", "too-many-collections"),
    ],
)
def test_there_is_room_or_a_reason(collection: str, name: str, reason: str) -> None:
    catalog = Catalog()
    catalog.put(EMPTY)
    if collection == "new":
        for number in range(1, MAX_COLLECTIONS):
            assert no_room(catalog, "shop", collection, name) == ""
            catalog.put(Collection("shop", f"c{number}"))
    assert no_room(catalog, "shop", collection, name) == reason


def test_the_overflow_is_not_declared() -> None:
    with pytest.raises(Malformed, match="no other property takes"):
        extended(EMPTY, {OVERFLOW: "json"})


def test_a_declared_type_is_widened_and_never_narrowed() -> None:
    narrow = extended(EMPTY, {"n": "integer"})
    wide = extended(narrow, {"n": "long"})
    assert (wide.properties, wide.version) == ({"n": "long"}, 2)
    with pytest.raises(Malformed, match="is long already, not integer"):
        extended(wide, {"n": "integer"})
