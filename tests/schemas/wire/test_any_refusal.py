"""Whatever is wrong, and whoever asks: the answer is in the vendor's own shape."""

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import HeadraceError, Malformed, Refused, Unavailable
from schemas.vendor import Route, Vendor
from tests.schemas.wire.laws import EVERY, check_shape, each_of, request_of

ERRORS: list[HeadraceError] = [
    *(
        Refused(code, "do this next")
        for code in (
            "source-unknown",
            "source-disabled",
            "bridge-mismatch",
            "key-missing",
            "key-unknown",
            "key-wrong-type",
            "key-expired",
            "admin-key-missing",
            "admin-key-unknown",
            "protocol-mismatch",
            "origin-refused",
        )
    ),
    *(
        Malformed(code, "do this next", status=413)
        for code in ("body-too-large", "event-too-large", "too-many-events")
    ),
    *(
        Malformed(code, "do this next")
        for code in ("json-invalid", "inflate-failed", "encoding-unsupported")
    ),
    *(
        Unavailable(code, "do this next")
        for code in ("broker-unavailable", "overloaded", "spool-full")
    ),
    Unavailable("disk-full", "do this next", status=507),
]


@each_of(EVERY)
@given(error=st.sampled_from(ERRORS), body=st.binary(max_size=20))
@settings(max_examples=len(ERRORS))
def test_every_refusal_is_in_the_vendors_shape(
    vendor_module: Vendor, route: Route, method: str, error: HeadraceError, body: bytes
) -> None:
    reply = vendor_module.refuse(error, request_of(route, body, method=method))
    check_shape(vendor_module, reply)
    if reply.content_type == "image/gif":
        assert dict(reply.headers)["server-error"] == "do this next"
        return
    assert reply.content_type == "application/json"
    if isinstance(error, Unavailable):
        assert (reply.status, dict(reply.headers)["Retry-After"]) == (error.status, "1")
    if error.status == 413:
        assert reply.status == 413
