"""Addresses that a script reaches, and those that it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.tasks.addresses import networks, permit
from schemas.errors import Malformed

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba's metadata
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # Azure's platform
    "169.254.169.254",  # everybody's metadata
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # Oracle's metadata
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",  # Amazon's metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "172.15.255.255",
    "172.32.0.1",
    "192.169.0.1",
    "223.255.255.254",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::",
    "2600:1f00::1",
    "2606:4700:4700::1111",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(Malformed) as caught:
        permit(address, ())
    assert caught.value.code == "address-refused"


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_not(address: str) -> None:
    permit(address, ())


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("10.1.0.0/16", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/16", "10.1.9.9"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("fd00::/8", "fd12::1"),
        ("::1", "::1"),
    ],
)
def test_a_task_may_allow_more(allowed: str, address: str) -> None:
    permit(address, networks([allowed]))


@pytest.mark.parametrize("allowed", ["10.1.0.0/16", "fd00::/8", "0.0.0.0/1"])
def test_but_only_that(allowed: str) -> None:
    with pytest.raises(Malformed):
        permit("192.168.0.1", networks([allowed]))


@pytest.mark.parametrize("network", ["", "localhost", "10.0.0.0/33", "10.0.0", "x" * 500])
def test_what_is_no_network_is_told(network: str) -> None:
    with pytest.raises(Malformed) as caught:
        networks([network])
    assert (caught.value.code, caught.value.where) == ("task-invalid", ("allow",))


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_no_disguise_helps(address: object) -> None:
    number = int(str(address).split(".")[0]) << 24 | int.from_bytes(
        bytes(int(part) for part in str(address).split(".")[1:]), "big"
    )
    high, low = number >> 16, number & 0xFFFF
    for disguised in (
        str(address),
        f"::ffff:{address}",
        f"::ffff:{high:x}:{low:x}",
        f"64:ff9b::{high:x}:{low:x}",
        f"2002:{high:x}:{low:x}::",
        f"::{address}",
    ):
        with pytest.raises(Malformed):
            permit(disguised, ())
