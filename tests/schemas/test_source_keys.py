"""Keys come, go, and are rotated."""

from dataclasses import replace

import pytest

from schemas.errors import Malformed
from schemas.source_keys import MAX_KEYS, REMEMBERED_MS, add, kept_key, revoke, rotate
from schemas.sources import Key, KeyType, Source

NOW = 1_795_196_900_000
SHOP = Source("shop")


def key(name: str, key_type: KeyType = "write", customer: str = "", expires_at: int = 0) -> Key:
    return kept_key(
        f"hrw_{name}",
        key_type,
        key_id=name,
        now_ms=1,
        customer=customer,
        expires_at=expires_at,
        name=f"key {name}",
    )


def with_keys(*keys: Key) -> Source:
    return replace(SHOP, keys=keys)


def left(source: Source) -> dict[str, int]:
    return {each.id: each.expires_at for each in source.keys}


def test_a_key_is_kept_as_its_hash() -> None:
    kept = key("a", "query", "acme", NOW)
    assert "hrw_a" not in repr(kept)
    assert "hrw_a" not in str(with_keys(kept).as_record())
    assert (kept.type, kept.customer, kept.expires_at, kept.name) == ("query", "acme", NOW, "key a")


def test_adding_forgets_what_expired_long_ago() -> None:
    old = key("old", expires_at=NOW - REMEMBERED_MS - 1)
    late = key("late", expires_at=NOW - REMEMBERED_MS)
    added = add(with_keys(old, late), key("new"), now_ms=NOW)
    assert list(left(added)) == ["late", "new"]
    assert added.updated_at == NOW


def test_a_source_has_so_many_keys() -> None:
    full = with_keys(*(key(f"k{number}") for number in range(MAX_KEYS)))
    with pytest.raises(Malformed) as caught:
        add(full, key("one more"), now_ms=NOW)
    assert (caught.value.code, caught.value.status) == ("too-many-keys", 409)
    assert "revoke" in caught.value.message


def test_rotation_ends_the_others_of_its_type_and_customer_only() -> None:
    source = with_keys(key("w"), key("q", "query"), key("scoped", customer="acme"))
    assert left(rotate(source, key("new"), overlap=0, now_ms=NOW)) == {
        "q": 0,
        "scoped": 0,
        "new": 0,
    }
    scoped = rotate(source, key("new", customer="acme"), overlap=0, now_ms=NOW)
    assert list(left(scoped)) == ["w", "q", "new"]


def test_an_overlap_leaves_the_old_keys_some_time_and_never_more_than_they_had() -> None:
    source = with_keys(
        key("w"),
        key("soon", expires_at=NOW + 5),
        key("late", expires_at=NOW + 9_000_000),
        key("gone", expires_at=NOW - 5),
    )
    assert left(rotate(source, key("new"), overlap=3600, now_ms=NOW)) == {
        "w": NOW + 3_600_000,
        "soon": NOW + 5,
        "late": NOW + 3_600_000,
        "gone": NOW - 5,
        "new": 0,
    }


@pytest.mark.parametrize("named", ["b", "hrw_b"])
def test_a_key_is_revoked_by_its_id_or_by_itself(named: str) -> None:
    revoked = revoke(with_keys(key("a"), key("b")), named, now_ms=NOW)
    assert list(left(revoked)) == ["a"]
    assert revoked.updated_at == NOW


def test_what_is_no_key_of_the_source_cannot_be_revoked() -> None:
    with pytest.raises(Malformed) as caught:
        revoke(with_keys(key("a")), "z", now_ms=NOW)
    assert (caught.value.code, caught.value.status) == ("key-unknown", 404)
