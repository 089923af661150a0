import hmac
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids

OWN = ids.Ids(b"secret")
texts = st.text(max_size=50)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("6f1d3c1e-0c9e-5b0a-9d0e-68656164726e", True),
        ("6F1D3C1E-0C9E-5B0A-9D0E-68656164726E", True),
        ("6f1d3c1e0c9e5b0a9d0e68656164726e", False),
        ("{6f1d3c1e-0c9e-5b0a-9d0e-68656164726e}", False),
        ("6f1d3c1e-0c9e-5b0a-9d0e-68656164726e\n", False),
        ("6f1d3c1e-0c9e-5b0a-9d0e-68656164726g", False),
        ("", False),
    ],
)
def test_is_uuid_takes_the_canonical_form_only(text: str, is_one: bool) -> None:
    assert ids.is_uuid(text) is is_one


def test_a_clients_uuid_stays_itself_in_lower_case() -> None:
    assert ids.event_id("shop", "6F1D3C1E-0C9E-5B0A-9D0E-68656164726E") == (
        "6f1d3c1e-0c9e-5b0a-9d0e-68656164726e"
    )


@given(texts, texts)
def test_other_ids_become_the_same_uuid_5_every_time(source: str, message: str) -> None:
    derived = ids.event_id(source, message)
    assert derived == ids.event_id(source, message)
    assert UUID(derived).version == 5 or ids.is_uuid(message)


def test_the_same_id_in_two_sources_is_two_events() -> None:
    assert ids.event_id("shop", "1") != ids.event_id("app", "1")


@given(st.integers(0, 2**48 - 1), st.integers(0))
def test_uuid7_holds_its_time_and_sorts_by_it(now_ms: int, entropy: int) -> None:
    made = UUID(ids.uuid7(now_ms, entropy))
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == now_ms
    assert ids.uuid7(now_ms, entropy) <= ids.uuid7(now_ms, entropy | (1 << 74) - 1)


@given(st.lists(texts, max_size=4))
def test_issued_ids_are_derived_and_known_as_own(parts: list[str]) -> None:
    issued = OWN.issue(*parts)
    assert issued == OWN.issue(*parts)
    assert UUID(issued).version == 8
    assert UUID(issued).variant == "specified in RFC 4122"
    assert OWN.is_own(issued)
    assert OWN.is_own(issued.upper())
    assert not ids.Ids(b"another secret").is_own(issued)


@given(st.integers(0, 127))
def test_an_issued_id_with_one_bit_flipped_is_not_own(bit: int) -> None:
    issued = OWN.issue("profile", "shop", "user", "u1")
    assert not OWN.is_own(str(UUID(int=UUID(issued).int ^ 1 << bit)))


@given(st.uuids() | texts)
def test_a_forged_id_is_not_own(forged: object) -> None:
    assert not OWN.is_own(str(forged))


def test_parts_do_not_run_into_each_other() -> None:
    assert OWN.issue("a", "bc") != OWN.issue("ab", "c")


def test_the_secret_is_not_printed() -> None:
    assert "secret" not in repr(OWN)


@given(st.binary(max_size=100), st.binary(max_size=20), st.binary(max_size=200))
def test_digests_are_hmacs(secret: bytes, purpose: bytes, data: bytes) -> None:
    expected = hmac.digest(secret, purpose + b"\x00" + data, "sha256")
    assert ids.Ids(secret)._digest(purpose, data) == expected


@given(st.integers(0, (1 << 128) - 1))
def test_ids_are_spelt_as_uuids(number: int) -> None:
    assert ids._spell(number) == str(UUID(int=number))
