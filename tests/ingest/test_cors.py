import pytest

from ingest import cors

ORIGIN = "https://shop.example"
VARY = b"Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network"


def test_a_page_may_read_the_answer_with_its_cookies() -> None:
    assert cors.allow(ORIGIN) == [
        (b"access-control-allow-origin", b"https://shop.example"),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]


def test_a_program_gets_no_such_headers() -> None:
    assert cors.allow("") == cors.deny("") == []


def test_a_refused_page_may_not_read_but_caches_must_know() -> None:
    assert cors.deny(ORIGIN) == [(b"vary", b"Origin")]


def test_a_preflight_mirrors_what_is_asked() -> None:
    asked = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,sentat",
    }
    assert dict(cors.preflight(asked, ["POST", "PUT"], allowed=True)) == {
        b"access-control-allow-origin": b"https://shop.example",
        b"access-control-allow-credentials": b"true",
        b"access-control-allow-methods": b"POST, PUT, OPTIONS",
        b"access-control-allow-headers": b"authorization,content-type,sentat",
        b"access-control-max-age": b"86400",
        b"allow": b"POST, PUT, OPTIONS",
        b"content-length": b"0",
        b"vary": VARY,
    }


def test_options_without_a_page_lists_the_methods() -> None:
    assert dict(cors.preflight({}, ["POST"], allowed=True)) == {
        b"allow": b"POST, OPTIONS",
        b"content-length": b"0",
    }


@pytest.mark.parametrize("origin", ["a\r\nset-cookie: x=1", "https://\xe4.example", "x" * 2000])
def test_what_cannot_be_a_header_is_never_mirrored(origin: str) -> None:
    assert cors.allow(origin) == [(b"vary", b"Origin")]
    asked = {"origin": ORIGIN, "access-control-request-headers": origin}
    answer = cors.preflight(asked, ["POST"], allowed=True)
    assert b"access-control-allow-headers" not in dict(answer)


def test_a_page_on_the_internet_may_send_to_a_private_network() -> None:
    asked = {"origin": ORIGIN, "access-control-request-private-network": "true"}
    answer = dict(cors.preflight(asked, ["POST"], allowed=True))
    assert answer[b"access-control-allow-private-network"] == b"true"


def test_a_refused_preflight_allows_nothing() -> None:
    asked = {"origin": ORIGIN, "access-control-request-headers": "x-key"}
    assert dict(cors.preflight(asked, ["POST"], allowed=False)) == {
        b"allow": b"POST, OPTIONS",
        b"content-length": b"0",
        b"vary": b"Origin",
    }


def test_headers_are_exposed_by_name() -> None:
    assert cors.expose([]) == []
    assert cors.expose(["retry-after", "x-context"]) == [
        (b"access-control-expose-headers", b"retry-after, x-context")
    ]
