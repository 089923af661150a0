import json

import pytest

from schemas import wire
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.refusals import refusal
from schemas.vendor import Claim


def test_every_vendor_is_found_by_its_name() -> None:
    names = [
        "tracardi",
        "rakam",
        "filum",
        "eventbunker",
        "own",
        "cloudevents",
        "links",
        "import",
        "headrace",
        "queries",
        "task",
        "webhooks",
    ]
    assert [vendor.NAME for vendor in wire.VENDORS] == names
    for vendor in wire.VENDORS:
        assert wire.vendor(vendor.NAME) is vendor
    assert wire.vendor("nobody") is None


def test_both_slash_forms_are_routes_where_a_client_may_send_either() -> None:
    for vendor in wire.VENDORS:
        paths = [route.path for route in vendor.ROUTES]
        assert len(paths) == len(set(paths))
        assert all(path.startswith("/") for path in paths)


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (Malformed("c", "m"), ()),
        (Unavailable("broker-unavailable", "m"), (("Retry-After", "1"),)),
    ],
)
def test_only_what_may_be_tried_again_says_when(
    error: HeadraceError, headers: tuple[tuple[str, str], ...]
) -> None:
    reply = refusal(error, {"a": 1}, 418)
    assert (reply.status, json.loads(reply.body), reply.headers) == (418, {"a": 1}, headers)


def test_a_credential_is_not_printed() -> None:
    assert "wk-secret" not in repr(Claim("key", "wk-secret"))
