import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.client import Proxies

TRUSTED = ("10.0.0.0/8", "192.168.1.1", "2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["1.1.1.1, 198.51.100.1, 10.2.2.2"], "198.51.100.1"),
        ("10.1.1.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.1.1.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        ("10.1.1.1", ["198.51.100.1:5555"], "198.51.100.1"),
        ("10.1.1.1", ["[2a00::1]:5555"], "2a00::1"),
        ("10.1.1.1", ["2a00::1"], "2a00::1"),
        ("2001:db8::5", ["198.51.100.1"], "198.51.100.1"),
        ("192.168.1.1", ["unknown, 10.2.2.2"], "10.2.2.2"),
        ("192.168.1.1", ["198.51.100.1, <script>"], "192.168.1.1"),
        ("192.168.1.2", ["198.51.100.1"], "192.168.1.2"),
        ("", ["198.51.100.1"], ""),
        ("testclient", ["198.51.100.1"], "testclient"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: list[str], client: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert Proxies(TRUSTED).client(peer, headers) == client


def test_nobody_is_believed_unless_named() -> None:
    assert Proxies(()).client("10.1.1.1", [(b"x-forwarded-for", b"198.51.100.1")]) == "10.1.1.1"


def test_a_setting_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Proxies(["nonsense"])


@given(value=st.binary(max_size=60))
def test_no_header_breaks_it(value: bytes) -> None:
    assert Proxies(TRUSTED).client("10.1.1.1", [(b"x-forwarded-for", value)])
