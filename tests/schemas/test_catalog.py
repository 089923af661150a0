"""Collections: their records, what is declared, and what a frozen schema refuses."""

from typing import Any

import pytest

from schemas.catalog import Catalog, Collection, extended, read
from schemas.errors import Malformed
from schemas.events import Event, Kind
from schemas.reading import COLUMN_KEYS
from schemas.types import is_type

ORDERS = Collection("shop", "orders", {"price": "double", "paid": "boolean"})


def test_a_record_comes_back_as_the_collection() -> None:
    assert read(ORDERS.as_record()) == ORDERS


@pytest.mark.parametrize("value", [b"[]", b"5", b'{"source_id": 5, "name": "a", "properties": {}}'])
def test_what_is_no_record_is_malformed(value: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(value)
    assert caught.value.code == "collection-invalid"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("double", True),
        ("array<string>", True),
        ("map<long>", True),
        ("Double", False),
        ("array<array<string>>", False),
        ("array<>", False),
        ("array<string", False),
        ("double>", False),
        ("", False),
        (5, False),
        (None, False),
    ],
)
def test_types_have_names(name: Any, known: bool) -> None:
    assert is_type(name) is known


def test_properties_are_added_and_stay() -> None:
    grown = extended(ORDERS, {"paid": "boolean", "tags": "array<string>"})
    assert grown.properties == {**ORDERS.properties, "tags": "array<string>"}
    assert extended(Collection("shop", "new"), {}) == Collection("shop", "new")


@pytest.mark.parametrize(
    ("collection", "properties", "words"),
    [
        (ORDERS, {"": "double"}, "1 to 256 characters"),
        (ORDERS, {"n" * 257: "double"}, "1 to 256 characters"),
        (ORDERS, {"a": "float"}, "the type of 'a' must be"),
        (ORDERS, {"a": 5}, "the type of 'a' must be"),
        (Collection("shop", " "), {}, "a collection's name"),
        (Collection("shop", "n" * 257), {}, "a collection's name"),
        (ORDERS, {f"p{n}": "double" for n in range(COLUMN_KEYS)}, "at most 2000 properties"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_declared_is_named(
    collection: Collection, properties: dict[str, Any], words: str
) -> None:
    with pytest.raises(Malformed) as caught:
        extended(collection, properties)
    assert caught.value.code == "collection-invalid"
    assert words in caught.value.message


def test_a_type_is_not_changed() -> None:
    with pytest.raises(Malformed, match="is double already, not string") as caught:
        extended(ORDERS, {"price": "string"})
    assert (caught.value.code, caught.value.status) == ("schema-conflict", 409)


def test_the_catalog_lists_and_forgets() -> None:
    catalog = Catalog()
    catalog.put(ORDERS)
    catalog.put(Collection("shop", "carts"))
    catalog.put(Collection("app", "orders"))
    assert [each.name for each in catalog.of("shop")] == ["carts", "orders"]
    catalog.remove(ORDERS.key)
    catalog.remove(ORDERS.key)
    assert catalog.get("shop", "orders") is None
    assert catalog.get("app", "orders") is not None


def test_a_frozen_schema_names_what_is_new() -> None:
    catalog = Catalog()
    catalog.put(ORDERS)
    catalog.check("shop", "orders", ["price", "paid"])
    for name, properties, words in (
        ("carts", (), "collection 'carts' is new"),
        ("orders", ("price", "colour"), "property 'colour'"),
    ):
        with pytest.raises(Malformed, match=words) as caught:
            catalog.check("shop", name, properties)
        assert caught.value.code == "schema-frozen"


@pytest.mark.parametrize("kind", ["identify", "alias", "group"])
def test_a_frozen_schema_is_of_collections_not_of_users(kind: Kind) -> None:
    catalog = Catalog()
    catalog.admit("shop", Event(kind, "carts", properties={"name": 1}))
    with pytest.raises(Malformed):
        catalog.admit("shop", Event("track", "carts", properties={"name": 1}))
