"""What pages of other origins may send and read."""

import pytest

from schemas import codec
from tests.ingest.call import Answer, Call
from tests.ingest.plain import World, source, world

KEY = {"x-key": "shop-key"}
EVENTS = codec.dumps([{"who": "ann"}])


async def post(to: World, path: str, *chunks: bytes, **how: object) -> Answer:
    return await Call(path, *chunks, **how).answer(to.app)  # type: ignore[arg-type]


ORIGIN = {"origin": "https://shop.example"}
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network"


async def test_a_preflight_is_answered_on_every_path_of_a_vendor() -> None:
    at = world()
    asked = ORIGIN | {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-key",
    }
    for path in ("/send", "/plain/send/hooks/", "/small/"):
        answer = await post(at, path, method="OPTIONS", headers=asked)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.header("access-control-allow-origin") == "https://shop.example"
        assert answer.header("access-control-allow-headers") == "content-type,x-key"
        assert answer.header("access-control-allow-credentials") == "true"
        assert answer.header("vary") == VARY


@pytest.mark.parametrize(
    ("headers", "status"), [(KEY, 200), ({"x-key": "wrong"}, 401), ({"x-key": "homely-key"}, 200)]
)
async def test_pages_may_read_every_answer(headers: dict[str, str], status: int) -> None:
    answer = await post(world(), "/send", EVENTS, headers=headers | ORIGIN)
    assert answer.status == status
    assert answer.header("access-control-allow-origin") == "https://shop.example"
    assert answer.header("vary") == "Origin"


async def test_a_page_that_the_source_does_not_list_is_refused() -> None:
    at = world()
    headers = {"x-key": "homely-key", "origin": "https://elsewhere.example"}
    answer = await post(at, "/send", EVENTS, headers=headers)
    assert (answer.status, answer.json["plain"]) == (403, "origin-refused")
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("vary") == "Origin"
    assert at.kept.taken == []


async def test_a_preflight_is_refused_where_its_path_names_the_source() -> None:
    at = world()
    at.feed.registry.put(source("pages", bridge="webhook", origins=("https://shop.example",)))
    for origin, status, allowed in [
        ("https://shop.example", 200, "https://shop.example"),
        ("https://elsewhere.example", 403, None),
    ]:
        answer = await post(at, "/send/pages", method="OPTIONS", headers={"origin": origin})
        assert (answer.status, answer.header("access-control-allow-origin")) == (status, allowed)
    answer = await post(at, "/send/pages", method="OPTIONS")
    assert (answer.status, answer.header("allow")) == (200, "POST, OPTIONS")


async def test_a_page_may_read_the_headers_that_matter() -> None:
    at = world()
    exposed = "access-control-expose-headers"
    answer = await post(at, "/send", EVENTS, headers=KEY | ORIGIN)
    assert answer.header(exposed) == "x-plain"
    at.kept.away()
    answer = await post(at, "/send", EVENTS, headers=KEY | ORIGIN)
    assert answer.header(exposed) == "retry-after"
    assert (await post(at, "/send", headers=ORIGIN)).header(exposed) is None
    assert (await post(at, "/send", EVENTS, headers=KEY)).header(exposed) is None
