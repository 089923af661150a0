"""Topics as sources against a real broker: workers, secrets, registries, and where one begins."""

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastavro
import pytest
from aiokafka import AIOKafkaProducer

from deploy.bridge.bridge import Bridge
from deploy.bridge.connect import access, secret
from deploy.registry import Tail
from deploy.tier import clock, running
from ingest.publish import KafkaPublisher
from schemas import codec
from schemas.commands import ChangeSource, CreateSource
from schemas.errors import Malformed
from schemas.metrics import Metrics
from schemas.sources import Source
from schemas.wire.manage.replies import worded
from tests.deploy.desks import Installation, Process
from tests.ingest.kafka import Kafka, declare, records_of, until

SECONDS = 20.0
SCHEMA = {"type": "record", "name": "r", "fields": [{"name": "n", "type": "long"}]}


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Kafka(tmp_path / "kafka") as kafka:
        installation = Installation(kafka, tmp_path)
        installation.settings = replace(installation.settings, secret="secret")
        installation.now = clock()
        await installation.prepare()
        yield installation


@pytest.fixture
async def process(installation: Installation) -> AsyncIterator[Process]:
    async with installation.process() as process:
        yield process


async def create(process: Process, **topic: Any) -> Source:
    fields = {"id": "shop", "bridge": "kafka", "kafka": {"topic": "orders", "ahead": 0, **topic}}
    made: Source = (await process.desk.do(CreateSource(fields))).source
    return made


async def produce(installation: Installation, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=installation.kafka.address)
    await producer.start()
    try:
        sent = [
            await producer.send("orders", value, partition=number % 4)
            for number, value in enumerate(values)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def numbers(first: int, end: int) -> list[bytes]:
    return [b'{"n": %d}' % number for number in range(first, end)]


@asynccontextmanager
async def worker(installation: Installation) -> AsyncIterator[tuple[Bridge, Metrics]]:
    settings, metrics, stop = installation.settings, Metrics(), asyncio.Event()
    tail = Tail(settings.kafka, settings.topics)
    publisher = KafkaPublisher(settings.kafka, metrics=metrics, clock=clock)
    async with running(tail), running(publisher):
        bridge = Bridge(settings, tail, publisher, metrics, clock)
        task = asyncio.create_task(bridge.run(stop))
        try:
            yield bridge, metrics
        finally:
            stop.set()
            await task


async def raw(installation: Installation) -> list[dict[str, Any]]:
    topic = installation.settings.topics.raw("shop").name
    found = await records_of(installation.kafka.address, topic)
    return [
        json.loads(line)
        for records in found.values()
        for value in records
        for line in codec.split_lines(value)
    ]


def has(installation: Installation, count: int) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return len({line["event_id"] for line in await raw(installation)}) >= count

    return look


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await look():  # noqa: ASYNC110 - what other processes do raises no event
            await asyncio.sleep(0.05)


async def test_workers_share_a_topic_and_take_over_from_each_other(
    installation: Installation, process: Process
) -> None:
    await declare(installation.kafka.address, "orders")
    await create(process)
    async with worker(installation) as (_, first):
        async with worker(installation) as (bridge, second):
            done = 0
            async with asyncio.timeout(SECONDS):
                while not second.get("headrace_bridge_records_total", source="shop"):
                    await produce(installation, *numbers(done, done + 40))
                    done += 40
            bridge.refresh()
            assert second.get("headrace_bridge_up", source="shop") == 1
        await produce(installation, *numbers(done, done + 40))
        await eventually(has(installation, done + 40))
        assert first.get("headrace_bridge_records_total", source="shop") > 0
        await until(lambda: first.get("headrace_bridge_lag_records", source="shop") == 0)
    async with worker(installation):
        await produce(installation, *numbers(done + 40, done + 44))
        await eventually(has(installation, done + 44))
    lines = await raw(installation)
    assert sorted({line["body"]["n"] for line in lines}) == list(range(done + 44))
    assert len({line["event_id"] for line in lines}) == done + 44
    # nothing was killed, so nothing was read twice either
    assert len(lines) == done + 44


async def test_a_topic_that_is_not_there_is_waited_for_and_never_made(
    installation: Installation, process: Process
) -> None:
    await create(process)
    async with worker(installation) as (bridge, metrics):
        await until(lambda: "there is no topic" in bridge.detail)
        bridge.refresh()
        assert metrics.get("headrace_bridge_up", source="shop") == 0
        await declare(installation.kafka.address, "orders")
        await produce(installation, *numbers(0, 8))
        await eventually(has(installation, 8))
        assert bridge.detail == ""
        await process.desk.do(ChangeSource("shop", {"enabled": False}))
        await until(lambda: bridge.detail == "" and not bridge.reads("shop"))


async def test_what_was_there_before_the_source_is_left_if_that_is_wanted(
    installation: Installation, process: Process
) -> None:
    await declare(installation.kafka.address, "orders")
    await produce(installation, *numbers(0, 8))
    installation.now = clock() + 1
    await create(process, start="latest")
    await until(lambda: clock() > installation.now)
    await produce(installation, *numbers(8, 12))
    async with worker(installation):
        await eventually(has(installation, 4))
    assert sorted(line["body"]["n"] for line in await raw(installation)) == [8, 9, 10, 11]


class Shelf(BaseHTTPRequestHandler):
    """A schema registry that knows one schema, and whom it may tell."""

    asked: list[str] = []  # noqa: RUF012 - on purpose one list

    def do_GET(self) -> None:
        self.asked.append(self.path)
        known = self.path == "/schemas/ids/7" and self.headers["Authorization"] == "Basic dTpw"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"schema": json.dumps(SCHEMA)}).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base
        """Be quiet."""


@pytest.fixture
def shelf() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


async def test_schemas_come_from_a_registry(
    installation: Installation, process: Process, shelf: str
) -> None:
    await declare(installation.kafka.address, "orders")
    user = {"registry_username": "u", "registry_password": "p"}
    await create(process, encoding="confluent", registry=shelf, **user)
    values = []
    for number, schema in enumerate([7, 7, 7, 8]):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, SCHEMA, {"n": number})
        values.append(b"\0" + schema.to_bytes(4, "big") + out.getvalue())
    await produce(installation, *values)
    async with worker(installation):
        await eventually(has(installation, 4))
    lines = await raw(installation)
    assert sorted(line["body"]["n"] for line in lines if "n" in line["body"]) == [0, 1, 2]
    assert [line["batch"]["code"] for line in lines if "code" in line["batch"]] == [
        "schema-unknown"
    ]
    assert Shelf.asked.count("/schemas/ids/7") == 1


async def test_secrets_are_sealed_shown_to_nobody_and_sent_nowhere_else(
    installation: Installation, process: Process
) -> None:
    settings = installation.settings
    login = {"servers": "a:1", "sasl": "PLAIN", "username": "us", "password": "hush"}
    source = await create(process, **login)
    assert source.kafka is not None
    assert "hush" not in repr(source.as_record())
    assert "hush" not in repr(source)
    shown = worded(source)["kafka"]
    assert shown["secrets"] == ["password"]
    assert not shown.keys() & {"password", "key", "registry_password"}
    assert secret(settings, source, source.kafka, "password") == "hush"
    assert access(settings, source, source.kafka)["security_protocol"] == "SASL_PLAINTEXT"

    changed = await process.desk.do(ChangeSource("shop", {"kafka": {"username": "them"}}))
    assert secret(settings, changed, changed.kafka, "password") == "hush"
    with pytest.raises(Malformed, match="give password anew"):
        await process.desk.do(ChangeSource("shop", {"kafka": {"servers": "b:1"}}))
    moved = {"kafka": {"servers": "b:1", "password": "other"}}
    changed = await process.desk.do(ChangeSource("shop", moved))
    assert secret(settings, changed, changed.kafka, "password") == "other"
    elsewhere = replace(changed, id="web")
    with pytest.raises(Malformed, match="sealed under another"):
        secret(settings, elsewhere, changed.kafka, "password")


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ({"topic": "headrace.raw.shop"}, "headrace's own"),
        ({"topic": "a b"}, "topic must be"),
        ({"servers": "nowhere"}, "servers must be"),
        ({"columns": {"time": "t", "usr": "u"}}, "'usr' is none of"),
        ({"types": {"price": "money"}}, "'price' is one of number"),
        ({"shape": "segment", "columns": {"time": "t"}}, "columns are for shape rows"),
        ({"shape": "nobody"}, "shape must be one of rows"),
        ({"encoding": "avro"}, "needs the schema"),
        ({"encoding": "avro", "schema": {"type": "nothing"}}, "schema:"),
        ({"sasl": "PLAIN", "servers": "a:1"}, "belong together"),
        ({"tls": True}, "need servers"),
        ({"tls": True, "servers": "a:1", "ca": "x"}, "ca must be PEM"),
        ({"tls": True, "servers": "a:1", "certificate": "x"}, "belong together"),
        ({"registry": "ftp://x"}, "registry must be http"),
        ({"colour": "red"}, "'colour' is no field of kafka; there are: ahead"),
        ({"ahead": -1}, "ahead must be a whole number"),
        ({"skip": "x"}, "skip must be a list"),
    ],
)
async def test_what_cannot_be_is_told(process: Process, topic: dict[str, Any], words: str) -> None:
    with pytest.raises(Malformed, match=words) as raised:
        await create(process, **topic)
    assert (raised.value.code, raised.value.where) == ("kafka-invalid", ("kafka",))


async def test_bridge_and_topic_belong_together(process: Process) -> None:
    for fields in ({"bridge": "kafka"}, {"kafka": {"topic": "orders"}}):
        with pytest.raises(Malformed, match="give both, or neither"):
            await process.desk.do(CreateSource({"id": "web", **fields}))
    with pytest.raises(Malformed, match="kafka needs a topic"):
        await process.desk.do(CreateSource({"id": "web", "bridge": "kafka", "kafka": {}}))
    await create(process)
    changed = await process.desk.do(ChangeSource("shop", {"bridge": "rest", "kafka": None}))
    assert changed.kafka is None
