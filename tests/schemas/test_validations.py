"""Validations: what of a JSON Schema is taken, and how many of them there are."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.catalog import Collection, read
from schemas.errors import Malformed
from schemas.growing import Wish, grown
from schemas.validations import (
    DIALECT,
    MAX_BYTES,
    MAX_HOPS,
    MAX_OF_SOURCE,
    MAX_OF_TYPE,
    MAX_WEIGHT,
    Validation,
    added,
    checked_name,
    of_source,
    pointer,
    weighed,
    without,
)

SALE = Collection("shop", "sale")
MONEY = Validation("sale", "money", {"required": ["price"]})
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(["$ref", "$id", "$defs", "$anchor", "properties", "allOf", "items"]),
            inner | st.sampled_from(["#", "#/$defs/a", "#a", "#/allOf/0", "http://x/y"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


def doubling(levels: int) -> dict[str, Any]:
    """A schema of a few bytes whose references stand for 2 ** levels parts."""
    parts: dict[str, Any] = {
        f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)
    }
    return {"$ref": "#/$defs/a0", "$defs": {**parts, f"a{levels}": {"type": "string"}}}


def chain(hops: int) -> dict[str, Any]:
    parts: dict[str, Any] = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(hops)}
    return {"$ref": "#/$defs/a0", "$defs": {**parts, f"a{hops}": {"type": "string"}}}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "weight", "recursive"),
    [
        (True, 1, False),
        ({}, 1, False),
        ({"type": "object", "required": ["a", "b"]}, 5, False),
        ({"properties": {"a": {"type": "string"}, "b": True}}, 5, False),
        ({"prefixItems": [{}, {}], "items": {}}, 6, False),
        ({"enum": [1, 2, 3]}, 5, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, 7, False),
        ({"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}}, 7, False),
        ({"$ref": "#/%24defs/a~1b~0%20c", "$defs": {"a/b~ c": {}}}, 5, False),
        ({"allOf": [{"$ref": "#/allOf/1"}, {}]}, 6, False),
        ({"$id": "https://shop.example/sale", "$schema": DIALECT}, 3, False),
        ({"properties": {"$ref": {"const": 1}, "$id": {}}}, 5, False),
        ({"items": {"$ref": "#"}}, 5, True),
        ({"$ref": "#"}, 3, True),
    ],
    ids=str,
)
def test_a_schema_weighs_what_its_references_stand_for(
    schema: Any, weight: int, recursive: bool
) -> None:
    found = weighed(schema)
    assert (found.of, found.recursive) == (weight, recursive)


@pytest.mark.parametrize(
    ("schema", "place", "words"),
    [
        ([], "", "a schema is a JSON object"),
        ("{}", "", "a schema is a JSON object"),
        (None, "", "a schema is a JSON object"),
        ({"description": "x" * MAX_BYTES}, "", f"at most {MAX_BYTES} bytes"),
        (doubling(30), "", f"more than {MAX_WEIGHT} keywords"),
        (chain(MAX_HOPS + 1), "", f"more than {MAX_HOPS} references"),
        ({"$ref": "http://127.0.0.1/a"}, "/$ref", "nothing is fetched"),
        ({"not": {"$ref": "file:///etc/passwd"}}, "/not/$ref", "nothing is fetched"),
        ({"$id": "http://x/", "items": {"$ref": "y"}}, "/items/$ref", "nothing is fetched"),
        ({"$defs": {"a/b": {"$ref": "c.json"}}}, "/$defs/a~1b/$ref", "nothing is fetched"),
        ({"anyOf": [{}, {"$ref": "#/$defs/a"}]}, "/anyOf/1/$ref", "refers to nothing"),
        ({"allOf": [{"$ref": "#/allOf/7"}]}, "/allOf/0/$ref", "refers to nothing"),
        ({"allOf": [{"$ref": "#/allOf/x"}]}, "/allOf/0/$ref", "refers to nothing"),
        ({"$ref": "#nowhere"}, "/$ref", "refers to nothing"),
        ({"$ref": 5}, "/$ref", "a reference is a text"),
        ({"$dynamicRef": "#a"}, "/$dynamicRef", "refer with $ref"),
        ({"items": {"$id": "x"}}, "/items/$id", "only the whole schema"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_schema_is_refused_with_the_place_and_the_reason(
    schema: Any, place: str, words: str
) -> None:
    with pytest.raises(Malformed) as caught:
        weighed(schema)
    assert caught.value.code == "schema-invalid"
    assert words in caught.value.message
    assert ("of the schema" in caught.value.message) is bool(place)
    assert f"at {place} of the schema: " in caught.value.message or not place
    assert caught.value.where is not None
    assert pointer(caught.value.where[1:]) == place


def test_a_schema_is_as_deep_as_a_column_at_most() -> None:
    with pytest.raises(Malformed) as caught:
        weighed(nested(33))
    assert caught.value.code == "json-too-deep"
    assert weighed(nested(30)).of == 61


@given(ANYTHING)
def test_any_json_is_weighed_or_refused(schema: Any) -> None:
    with contextlib.suppress(Malformed):
        assert 0 < weighed(schema).of <= MAX_WEIGHT


@pytest.mark.parametrize("name", ["a", "Order.v2_x-1", "7", "n" * 64])
def test_names_are_short_and_plain(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "é", "n" * 65, "a\n", 5, None])
def test_other_names_are_refused(name: Any) -> None:
    with pytest.raises(Malformed) as caught:
        checked_name(name)
    assert caught.value.code == "validation-invalid"


def test_a_validation_is_added_replaced_and_taken_away() -> None:
    one = added(SALE, MONEY, ())
    assert of_source([one]) == (MONEY,)
    other = Validation("sale", "money", {"maxProperties": 0})
    two = added(one, other, of_source([one]))
    assert of_source([two]) == (other,)
    assert of_source([added(two, Validation("sale", "a", {}), of_source([two]))]) == (
        Validation("sale", "a", {}),
        other,
    )
    assert of_source([without(two, "money")]) == ()
    with pytest.raises(Malformed, match="no validation 'paid'") as caught:
        without(two, "paid")
    assert (caught.value.code, caught.value.status) == ("validation-unknown", 404)


def test_a_name_is_one_event_type_s() -> None:
    taken = of_source([added(SALE, MONEY, ())])
    with pytest.raises(Malformed, match="validation of 'sale' already") as caught:
        added(Collection("shop", "other"), Validation("other", "money", {}), taken)
    assert (caught.value.code, caught.value.status) == ("validation-exists", 409)


@pytest.mark.parametrize(("count", "types"), [(MAX_OF_TYPE, 1), (MAX_OF_SOURCE, MAX_OF_SOURCE)])
def test_there_are_so_many_and_no_more(count: int, types: int) -> None:
    others = [Validation("sale" if types == 1 else f"type-{n}", f"v{n}", {}) for n in range(count)]
    added(SALE, Validation("sale", "new", {}), others[:-1])
    with pytest.raises(Malformed) as caught:
        added(SALE, Validation("sale", "new", {}), others)
    assert (caught.value.code, caught.value.status) == ("too-many-validations", 409)


def test_a_collection_keeps_its_validations_in_its_record_and_as_it_grows() -> None:
    held = added(SALE, MONEY, ())
    assert read(held.as_record()) == held
    more = grown(held, Wish("shop", "sale", {"price": "double"}, 1_795_000_000_000))
    assert more.properties == {"price": "double"}
    assert of_source([read(more.as_record())]) == (MONEY,)


def test_a_record_from_before_there_were_validations_is_read() -> None:
    old = b'{"source_id": "shop", "name": "sale", "properties": {"a": "string"}, "version": 3}'
    assert read(old) == Collection("shop", "sale", {"a": "string"}, 3)
