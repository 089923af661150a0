from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.steps.anonymise import anonymise


@pytest.mark.parametrize(
    ("ip", "kept"),
    [
        ("198.51.100.7", "198.51.100.0"),
        (" 198.51.100.7 ", "198.51.100.0"),
        ("::ffff:198.51.100.7", "198.51.100.0"),
        ("2001:db8:1:2:3::4", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("198.51.100.7:443", ""),
        ("unknown", ""),
        ("1" * 100, ""),
        ("", ""),
    ],
)
def test_an_address_is_cut_to_its_network(ip: str, kept: str) -> None:
    assert anonymise(ip, "truncate") == kept
    assert anonymise(ip, "keep") == ip
    assert anonymise(ip, "drop") == ""


@given(st.ip_addresses())
def test_what_is_kept_is_the_network_s(address: Any) -> None:
    kept = ip_address(anonymise(str(address), "truncate"))
    whole = getattr(address, "ipv4_mapped", None) or address
    assert kept == ip_network((whole, 24 if whole.version == 4 else 48), strict=False)[0]


@given(st.text())
def test_whatever_text_there_is_nothing_raises(text: str) -> None:
    assert anonymise(text, "truncate") != text or not text or text.endswith((".0", "::"))
