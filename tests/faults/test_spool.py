"""The broker is away for a while: what is accepted meanwhile is stored exactly once, in order."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from shutil import which

import pytest

from deploy.declare import declare
from schemas.topics import Topics
from tests.faults.conftest import MakePipeline
from tests.faults.figures import Figures, Report
from tests.faults.found import dead
from tests.faults.numbered import FILUM_KEY, FILUM_SOURCE, TRACARDI_SOURCE, Clients
from tests.ingest.kafka import lines_of
from tests.ingest.plain import PARTITIONS
from tests.system.client import Answer, Client
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, headrace
from tests.system.tier import running
from tests.system.topics import lines, undelivered

pytestmark = pytest.mark.faults

SOURCE = "full"
EVENTS = 6_000
SECONDS = 60.0
DRAINED = "headrace_ingest_spool_drained_total"
UNSHARE = which("unshare") or ""


def _can_mount() -> bool:
    return bool(UNSHARE) and subprocess.run([UNSHARE, "-rm", "true"], check=False).returncode == 0


def metric(client: Client, name: str) -> float:
    text = client.send("GET", "/metrics").body.decode()
    values = [float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")]
    return sum(values)


def detail(client: Client) -> str:
    """What readyz of an ingest says of its spool; it is ready."""
    answer = client.send("GET", "/readyz")
    assert answer.status == 200, answer.body
    return str(answer.json.get("detail", ""))


def test_ingest_is_killed_while_it_spools(make_pipeline: MakePipeline, report: Report) -> None:
    pipeline = make_pipeline().start()
    pipeline.create_source(FILUM_SOURCE, "--write-key", FILUM_KEY)
    pipeline.create_source(TRACARDI_SOURCE)
    with Clients(pipeline.url, EVENTS) as clients:
        clients.allow(EVENTS // 6)
        _wait_accepted(clients, EVENTS // 6)
        os.kill(pipeline.tiers()["broker"], signal.SIGSTOP)
        clients.allow(EVENTS - EVENTS // 6)
        _wait_accepted(clients, EVENTS // 2)
        assert "accepting into the spool" in detail(pipeline.client)
        spooled = metric(pipeline.client, "headrace_ingest_spooled_total")
        waiting = metric(pipeline.client, "headrace_ingest_spool_records")
        os.kill(pipeline.tiers()["ingest"], signal.SIGKILL)
        clients.allow(EVENTS)
        _wait_accepted(clients, EVENTS - EVENTS // 12)
        assert "accepting into the spool" in detail(pipeline.client)
        shutil.copytree(pipeline.data / "spool", pipeline.data / "kept")
        os.kill(pipeline.tiers()["broker"], signal.SIGKILL)
        began = time.monotonic()
        _wait_accepted(clients, EVENTS)
        eventually(
            lambda: detail(pipeline.client),
            until=lambda text: not text,
            within=SECONDS,
            what="the spool is drained",
        )
        recovery = time.monotonic() - began
        assert not clients.figures.refusals
    repeated = _drain_again(pipeline)
    stored = eventually(
        lambda: _stored(pipeline),
        until=lambda counted: counted[0] >= EVENTS,
        within=SECONDS,
        what="all events are stored",
    )
    report(
        Figures(
            fault="24",
            what="broker away, ingest killed",
            sent=EVENTS,
            accepted=clients.accepted(),
            stored=stored[1],
            doubled=stored[0] - stored[1],
            dead=dead(pipeline.clickhouse),
            recovery=recovery,
            note=f"spooled records {spooled:.0f} ({waiting:.0f} when killed, {repeated:.0f} "
            f"drained again), retried {dict(clients.figures.retries)}",
        )
    )
    assert stored == (EVENTS, EVENTS)
    assert 0 < waiting <= repeated
    _check_order(pipeline)


def _wait_accepted(clients: Clients, count: int) -> None:
    eventually(
        clients.accepted,
        until=lambda accepted: accepted >= count or clients.figures.refusals,
        within=SECONDS,
        what=f"{count} events are accepted",
    )


def _drain_again(pipeline: Pipeline) -> float:
    """Put the spool back as it was before it was drained, as a power cut might; how many records.

    The ingest finds it as what another process left.
    """
    before = metric(pipeline.client, DRAINED)
    (pipeline.data / "kept" / "1").rename(pipeline.data / "spool" / "99")
    eventually(
        lambda: metric(pipeline.client, DRAINED) > before and not detail(pipeline.client),
        within=SECONDS,
        what="what was left is drained",
    )
    eventually(
        lambda: undelivered(pipeline),
        until=lambda left: not left,
        within=SECONDS,
        what="everything is processed and stored",
    )
    return metric(pipeline.client, DRAINED) - before


def _stored(pipeline: Pipeline) -> tuple[int, int]:
    (row,) = pipeline.sql(
        "SELECT count() AS stored, uniqExact(properties.number::Int64) AS distinct "
        "FROM headrace.events FINAL WHERE source_id LIKE 'numbered-%'"
    )
    return row["stored"], row["distinct"]


def _check_order(pipeline: Pipeline) -> None:
    """Every visitor's events came to the topic in the order in which they were sent."""
    seen: dict[str, dict[int, None]] = defaultdict(dict)
    for line in lines(pipeline, FILUM_SOURCE):
        event = json.loads(line)
        seen[event["visitor"]][int(event["message_id"].removeprefix("numbered-"))] = None
    assert len(seen) > 1
    for visitor, numbers in seen.items():
        assert list(numbers) == sorted(numbers), visitor


@pytest.mark.skipif(not _can_mount(), reason="needs unshare and the right to mount a tmpfs")
def test_the_spools_disk_is_full(tmp_path: Path) -> None:
    data, spool = tmp_path / "data", tmp_path / "data" / "spool"
    spool.mkdir(parents=True)
    settings = {
        "HEADRACE_SECRET": secrets.token_hex(16),
        "HEADRACE_DATA": str(data),
        "HEADRACE_PARTITIONS": str(PARTITIONS),
    }
    mount = f'mount -t tmpfs -o size=1m none {spool} && exec "$@"'
    small_disk = (UNSHARE, "-rm", "sh", "-c", mount, "sh")
    with ExitStack() as stack:
        broker = stack.enter_context(running(tmp_path, settings, "broker", "--port", "0"))
        port = str(broker.wait_ready())
        settings["HEADRACE_KAFKA"] = f"127.0.0.1:{port}"
        topics = Topics("headrace", PARTITIONS).fixed()
        asyncio.run(declare(settings["HEADRACE_KAFKA"], topics))
        created = headrace("sources", "create", SOURCE, "--write-key", FILUM_KEY, **settings)
        assert created.returncode == 0, created.stderr
        ingest = stack.enter_context(
            running(tmp_path, settings, "ingest", "--port", "0", under=small_disk)
        )
        client = Client(f"http://127.0.0.1:{ingest.wait_ready()}")
        stack.callback(client.close)
        broker.kill()
        eventually(lambda: detail(client), within=SECONDS, what="ingest knows that it is away")
        accepted = _send_until_refused(client)
        assert client.send("GET", "/readyz").status == 503
        stack.enter_context(running(tmp_path, settings, "broker", "--port", port)).wait_ready()
        eventually(
            lambda: client.send("GET", "/readyz").json,
            until=lambda said: said == {"status": "ready"},
            within=SECONDS,
            what="the spool is drained",
        )
        assert _send(client, "last").status == 200
        stored = asyncio.run(lines_of(settings["HEADRACE_KAFKA"], f"headrace.raw.{SOURCE}"))
    names = [json.loads(line)["message_id"] for chunk in stored.values() for line in chunk]
    assert sorted(names) == sorted([*accepted, "last"])


def _send_until_refused(client: Client) -> list[str]:
    """Names of what was accepted before the disk was full."""
    accepted: list[str] = []
    for number in range(1000):
        answer = _send(client, f"event-{number}")
        if answer.status != 200:
            assert answer.status == 507, answer.body
            assert answer.headers["retry-after"] == "1"
            assert accepted
            return accepted
        accepted.append(f"event-{number}")
    raise AssertionError("a disk of 1 MB was never full")


def _send(client: Client, name: str) -> Answer:
    event = {
        "event_id": name,
        "event_name": "Full",
        "event_type": "track",
        "anonymous_id": "visitor",
        "event_params": [{"key": "filling", "value": {"string_value": "x" * 20_000}}],
    }
    return client.post_json("/events", event, Authorization=f"Bearer {FILUM_KEY}")


def test_a_spool_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    done = headrace("ingest", "--port", "0", HEADRACE_DATA=str(tmp_path), HEADRACE_SECRET="secret")
    assert done.returncode != 0
    assert f"the spool {tmp_path / 'spool'} cannot be used" in done.stderr, done.stderr
    assert "HEADRACE_SPOOL_BYTES=0" in done.stderr
    assert "Traceback" not in done.stderr
