import asyncio
import gzip
import logging

import pytest

from ingest.asgi import Message
from ingest.door import Bounds
from schemas import codec, envelope
from schemas.ids import event_id
from schemas.topics import partition_of
from tests.ingest.call import Answer, Call
from tests.ingest.plain import DRAWN, NOW, PARTITIONS, World, world

KEY = {"x-key": "shop-key"}
EVENTS = codec.dumps([{"who": "ann", "id": "m1"}, {"who": "bob"}])


async def post(to: World, path: str, *chunks: bytes, **how: object) -> Answer:
    return await Call(path, *chunks, **how).answer(to.app)  # type: ignore[arg-type]


def assert_nothing_stored(at: World) -> None:
    assert at.kept.taken == []


async def test_an_event_is_answered_once_it_is_published() -> None:
    at = world()
    at.kept.gate = asyncio.Event()
    call = Call("/send", EVENTS, headers=KEY, query=b"a=1&a=2&b=")
    task = asyncio.create_task(call.answer(at.app))
    await asyncio.sleep(0)
    assert not call.answered
    at.kept.gate.set()
    answer = await task
    assert answer.status == 200
    assert answer.header("x-plain") == "yes"
    assert answer.header("content-length") == str(len(answer.body))
    mine = event_id("shop", "m1")
    assert answer.json == {"count": 2, "ids": [mine, DRAWN], "ip": "192.0.2.7"}
    stored = {
        envelope.read(line).event_id: (topic, number) for topic, number, line in at.kept.taken
    }
    assert stored == {
        mine: ("t.raw.shop", partition_of("ann", PARTITIONS)),
        DRAWN: ("t.raw.shop", partition_of("bob", PARTITIONS)),
    }
    raw = envelope.read(at.kept.taken[0][2])
    assert (raw.protocol, raw.endpoint, raw.received_at) == ("plain", "send", NOW)
    assert raw.batch == {"query": {"a": ["1", "2"], "b": [""]}}


@pytest.mark.parametrize(
    "path", ["/send", "/send/", "/plain/send", "/plain/send/", "/send/hooks", "/plain/send/hooks/"]
)
async def test_every_form_of_a_path_answers_itself(path: str) -> None:
    at = world()
    assert (await post(at, path, EVENTS, headers=KEY)).status == 200
    assert len(at.kept.taken) == 2


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "code"),
    [
        ("/send", {}, EVENTS, 401, "key-missing"),
        ("/send", {"x-key": "wrong"}, EVENTS, 401, "key-unknown"),
        ("/send", {"x-key": "shop-query"}, EVENTS, 401, "key-wrong-type"),
        ("/send", {"x-key": "off-key"}, EVENTS, 401, "source-disabled"),
        ("/send", {"x-key": "other-key"}, EVENTS, 403, "protocol-mismatch"),
        ("/send", {"x-key": "tight-key"}, b"[{},{},{}]", 413, "too-many-events"),
        ("/send/shop", {}, EVENTS, 401, "bridge-mismatch"),
        ("/send/nowhere", {}, EVENTS, 401, "source-unknown"),
        ("/send", KEY, b"{}", 400, "list-type"),
        ("/send", KEY, b"[", 400, "json-invalid"),
        ("/send", KEY, b"", 400, "json-invalid"),
        ("/small", KEY, b"[" + b" " * 64, 413, "body-too-large"),
        ("/small", KEY | {"content-length": "65"}, b"[]", 413, "body-too-large"),
        ("/send", KEY | {"content-length": "many"}, b"[]", 400, "length-invalid"),
        ("/send", KEY | {"content-encoding": "gzip"}, b"\x00[]", 400, "inflate-failed"),
        ("/send", KEY | {"content-encoding": "lzma"}, b"\x00[]", 415, "encoding-unsupported"),
        ("/small", KEY, gzip.compress(b" " * 999, mtime=0), 413, "body-too-large"),
    ],
)
async def test_a_refusal_is_the_vendors_and_stores_nothing(
    path: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    at = world()
    answer = await post(at, path, body, headers=headers)
    assert (answer.status, answer.json["plain"]) == (status, code)
    assert answer.json["said"]
    assert_nothing_stored(at)
    await Call("/metrics", method="GET").answer(at.app)
    assert at.metrics.get("headrace_ingest_refused_total", code=code) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (EVENTS, {}),
        (gzip.compress(EVENTS, mtime=0), {"content-encoding": "gzip"}),
        (gzip.compress(EVENTS, mtime=0), {"content-type": "text/plain"}),
    ],
)
async def test_one_body_in_several_clothes(body: bytes, headers: dict[str, str]) -> None:
    for chunks in ([body], [body[:5], b"", body[5:]]):
        at = world()
        assert (await post(at, "/send", *chunks, headers=KEY | headers)).status == 200
        assert len(at.kept.taken) == 2


async def test_a_wrong_method_is_the_vendors_405() -> None:
    at = world()
    answer = await post(at, "/small", method="GET")
    assert (answer.status, answer.json["plain"]) == (405, "method-not-allowed")
    assert answer.header("allow") == "POST, PUT"


async def test_no_event_is_fine_and_publishes_nothing() -> None:
    at = world()
    at.kept.away()
    answer = await post(at, "/send", b"[]", headers=KEY)
    assert (answer.status, answer.json["count"]) == (200, 0)


async def test_while_kafka_is_away_clients_are_told_when_to_come_back() -> None:
    at = world()
    at.kept.away()
    answer = await post(at, "/send", EVENTS, headers=KEY)
    assert (answer.status, answer.json["plain"]) == (503, "broker-unavailable")
    assert answer.header("retry-after") == "1"
    at.kept.error = None
    assert (await post(at, "/send", EVENTS, headers=KEY)).status == 200


async def test_too_many_requests_at_once_are_told_the_same() -> None:
    at = world(bounds=Bounds(requests=1))
    at.kept.gate = asyncio.Event()
    first = asyncio.create_task(post(at, "/send", EVENTS, headers=KEY))
    await asyncio.sleep(0)
    answer = await post(at, "/send", EVENTS, headers=KEY)
    assert (answer.status, answer.json["plain"]) == (503, "overloaded")
    assert answer.header("retry-after") == "1"
    at.kept.gate.set()
    assert (await first).status == 200
    assert (await post(at, "/send", EVENTS, headers=KEY)).status == 200


async def test_bytes_held_are_given_back_whatever_happens() -> None:
    at = world(bounds=Bounds(held_bytes=200, body_bytes=100))
    for body, headers in [
        (b"[" + b" " * 90, KEY),
        (gzip.compress(b"[" + b" " * 80 + b"]", mtime=0), KEY),
        (b"[" + b" " * 80 + b"]", {"x-key": "wrong"}),
        (b"x" * 101, KEY),
    ] * 3:
        assert (await post(at, "/send", body, headers=headers)).status in {200, 400, 401, 413}
    at.kept.gate = asyncio.Event()
    largest = b"[{}" + b" " * 96 + b"]"
    two = [asyncio.create_task(post(at, "/send", largest, headers=KEY)) for _ in range(2)]
    await asyncio.sleep(0)
    assert (await post(at, "/send", b"[]", headers=KEY)).json["plain"] == "overloaded"
    at.kept.gate.set()
    assert [(await answer).status for answer in two] == [200, 200]


async def test_a_bug_is_a_500_with_a_number_and_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at = world()
    headers = {"authorization": "Bearer hunter2", "cookie": "session=hunter2", "x-key": "hunter2"}
    with caplog.at_level(logging.DEBUG):
        answer = await post(at, "/bug", b"hunter2", headers=headers)
    assert (answer.status, answer.json["plain"]) == (500, "internal")
    assert DRAWN in answer.json["said"]
    assert f"request {DRAWN} to /bug failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "hunter2" not in caplog.text
    assert_nothing_stored(at)


async def test_a_slow_body_is_ended_and_its_connection_with_it() -> None:
    at = world(bounds=Bounds(body_seconds=0.01))
    answer = await post(at, "/send", b"[", headers=KEY, more=True)
    assert (answer.status, answer.json["plain"]) == (408, "body-timeout")
    assert answer.header("connection") == "close"
    assert answer.header("retry-after") == "1"


async def test_a_client_that_leaves_gets_no_answer() -> None:
    at = world()
    call = Call("/send", headers=KEY)

    async def left() -> Message:
        return {"type": "http.disconnect"}

    await at.app(call.scope, left, call.send)
    assert not call.answered


async def test_a_query_has_bounds() -> None:
    at = world()
    for query in (b"a" * 20_000, b"&".join([b"a=1"] * 300)):
        answer = await post(at, "/send", EVENTS, headers=KEY, query=query)
        assert (answer.status, answer.json["plain"]) == (414, "query-too-large")


async def test_a_byte_order_mark_is_no_part_of_a_body() -> None:
    at = world()
    marked = b"\xef\xbb\xbf" + EVENTS
    for body in (marked, gzip.compress(marked)):
        assert (await post(at, "/send", body, headers=KEY)).status == 200
    assert len(at.kept.taken) == 4


async def test_the_client_is_who_a_trusted_proxy_says() -> None:
    headers = KEY | {"x-forwarded-for": "198.51.100.1"}
    trusting = world(trusted_proxies=("192.0.2.0/24",))
    assert (await post(trusting, "/send", EVENTS, headers=headers)).json["ip"] == "198.51.100.1"
    assert (await post(world(), "/send", EVENTS, headers=headers)).json["ip"] == "192.0.2.7"


async def test_of_a_repeated_header_the_first_counts() -> None:
    call = Call("/send", EVENTS, headers=KEY)
    call.scope["headers"].append((b"x-key", b"wrong"))
    assert (await call.answer(world().app)).status == 200


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/", "GET", 404, "not-found"),
        ("/sendx", "POST", 404, "not-found"),
        ("/healthz/", "GET", 404, "not-found"),
        ("/healthz", "POST", 405, "method-not-allowed"),
    ],
)
async def test_what_nobody_has(path: str, method: str, status: int, code: str) -> None:
    answer = await post(world(), path, method=method)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert answer.json["error"]["message"]


async def test_ready_says_when_events_wait_on_disk() -> None:
    at = world()
    at.kept.detail = "accepting into the spool: Kafka is away"
    answer = await post(at, "/readyz", method="GET")
    assert answer.status == 200
    assert answer.json == {"status": "ready", "detail": at.kept.detail}


async def test_the_probes_tell_alive_from_ready() -> None:
    at = world()
    assert (await post(at, "/healthz", method="GET")).status == 200
    assert (await post(at, "/readyz", method="GET")).status == 200
    at.kept.trouble = "no connection to Kafka"
    assert (await post(at, "/healthz", method="GET")).status == 200
    answer = await post(at, "/readyz", method="GET")
    assert answer.status == 503
    assert answer.json == {"error": {"code": "not-ready", "message": "no connection to Kafka"}}


async def test_counts_reach_the_metrics() -> None:
    at = world()
    await post(at, "/send", EVENTS, headers=KEY)
    await post(at, "/send", EVENTS)
    text = (await post(at, "/metrics", method="GET")).body.decode()
    assert 'headrace_ingest_requests_total{protocol="plain",status="200"} 1' in text
    assert 'headrace_ingest_requests_total{protocol="plain",status="401"} 1' in text
    assert 'headrace_ingest_events_total{source="shop"} 2' in text
    assert 'headrace_ingest_refused_total{code="key-missing"} 1' in text


async def test_a_source_takes_so_many_requests_per_second() -> None:
    at = world()
    busy = {"x-key": "busy-key"}
    assert [(await post(at, "/send", EVENTS, headers=busy)).status for _ in range(2)] == [200, 200]
    answer = await post(at, "/send", EVENTS, headers=busy)
    assert (answer.status, answer.json["plain"]) == (429, "too-many-requests")
    assert answer.header("retry-after") == "1"
    assert (await post(at, "/send", EVENTS, headers=KEY)).status == 200
    at.clock[0] += 500
    assert (await post(at, "/send", EVENTS, headers=busy)).status == 200
