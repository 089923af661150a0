from dataclasses import replace
from typing import Any

import pytest

from schemas.errors import Malformed
from schemas.sources import Key, Limits, Registry, Source, check, from_record, hash_key

KEY = Key("k1", "write", hash_key("wk"), 5)
SHOP = Source("shop", name="Shop", keys=(KEY,), limits=Limits(1000, 10), origins=("https://a.b",))


def test_a_record_comes_back_as_the_source() -> None:
    assert from_record(SHOP.as_record()) == SHOP
    assert from_record({"id": "shop"}) == Source("shop")


def test_fields_of_a_newer_version_are_ignored_everywhere() -> None:
    record = SHOP.as_record() | {"colour": "red"}
    record["limits"] |= {"requests_per_fortnight": 5}
    record["keys"] = [key | {"scope": "tenant-7"} for key in record["keys"]]
    assert from_record(record) == SHOP


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "Shop"}, "id"),
        ({"id": ""}, "id"),
        ({"id": "-shop"}, "id"),
        ({"id": "a" * 64}, "id"),
        ({"id": 5}, "id"),
        ({"name": None}, "name"),
        ({"enabled": "yes"}, "enabled"),
        ({"bridge": "pipe"}, "bridge"),
        ({"bridge": []}, "bridge"),
        ({"session_timeout": 0}, "session_timeout"),
        ({"session_timeout": 1.5}, "session_timeout"),
        ({"session_timeout": True}, "session_timeout"),
        ({"limits": []}, "limits"),
        ({"limits": {"body_bytes": "5"}}, "limits"),
        ({"limits": {"body_bytes": 0}}, "limits"),
        ({"limits": {"events_per_request": -1}}, "limits"),
        ({"origins": "*"}, "origins"),
        ({"origins": [1]}, "origins"),
        ({"keys": {}}, "keys"),
        ({"keys": ["wk"]}, "keys"),
        ({"keys": [{"id": "k", "type": "admin", "hash": "h"}]}, "keys"),
        ({"keys": [{"id": "k", "type": [], "hash": "h"}]}, "keys"),
        ({"keys": [{"id": "k", "type": "write", "hash": ["h"]}]}, "keys"),
    ],
    ids=str,
)
def test_a_field_that_cannot_be_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed) as caught:
        from_record({"id": "shop"} | change)
    assert caught.value.code == "source-invalid"
    assert caught.value.where == (field,)


@pytest.mark.parametrize(
    "value", [None, [], "shop", {}, {"id": "shop", "keys": [{"id": "k"}]}], ids=str
)
def test_what_is_no_record_is_malformed(value: Any) -> None:
    with pytest.raises(Malformed) as caught:
        from_record(value)
    assert caught.value.code == "source-invalid"


def test_a_source_built_in_code_is_checked_too() -> None:
    check(SHOP)
    with pytest.raises(Malformed):
        check(replace(SHOP, session_timeout=-1))


def test_the_registry_finds_by_id_and_by_key() -> None:
    registry = Registry()
    assert len(registry) == 0
    registry.put(SHOP)
    registry.put(Source("app"))
    assert len(registry) == 2
    assert registry.ids() == ("app", "shop")
    assert registry.get(" SHOP ") is SHOP
    assert registry.get("nobody") is None
    assert registry.find_key("wk") == (SHOP, KEY)
    assert registry.find_key("nobody's") is None


def test_a_key_whose_kept_hash_differs_is_not_found() -> None:
    registry = Registry()
    registry.put(SHOP)
    registry._by_hash[hash_key("wk")] = (SHOP, replace(KEY, hash=hash_key("other")))
    assert registry.find_key("wk") is None


def test_an_update_forgets_the_old_keys() -> None:
    registry = Registry()
    registry.put(SHOP)
    rotated = replace(SHOP, keys=(Key("k2", "write", hash_key("new")),))
    registry.put(rotated)
    assert registry.find_key("wk") is None
    assert registry.find_key("new") == (rotated, rotated.keys[0])


def test_removing_forgets_source_and_keys_and_may_come_twice() -> None:
    registry = Registry()
    registry.put(SHOP)
    registry.remove("shop")
    registry.remove("shop")
    assert registry.get("shop") is None
    assert registry.find_key("wk") is None


def test_a_key_that_moved_to_another_source_stays_with_it() -> None:
    registry = Registry()
    registry.put(SHOP)
    heir = Source("heir", keys=(KEY,))
    registry.put(heir)
    registry.remove("shop")
    assert registry.find_key("wk") == (heir, KEY)


def test_no_key_is_printed() -> None:
    assert KEY.hash not in repr(SHOP)
