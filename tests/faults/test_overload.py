"""More comes than the processors work off: the excess is refused, what is accepted is stored."""

import json
import threading
import time
from dataclasses import dataclass, field

import pytest

from tests.faults.conftest import MakePipeline
from tests.faults.figures import Figures, Report
from tests.system.client import Answer, Client
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline

pytestmark = pytest.mark.faults

KEY, SOURCE = "overload-filum-key", "overload"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
BATCH, CLIENTS, REFUSALS = 1000, 2, 5
BACKLOG_SECONDS = "1"
REFUSED_SECONDS, RECOVERY_SECONDS, ANSWER_SECONDS = 60.0, 60.0, 20.0
INGEST_MB = 400.0


@dataclass
class Flood:
    """Clients that send batches as fast as answers come, and do not care what those say."""

    url: str
    accepted: list[int] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    slowest: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        threads = [threading.Thread(target=self._send, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            eventually(
                lambda: len(self.refused),
                until=lambda refused: refused >= REFUSALS,
                within=REFUSED_SECONDS,
                what="some requests are refused",
            )
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _send(self, first: int) -> None:
        client, number = Client(self.url, seconds=ANSWER_SECONDS), first
        while not self._over.is_set():
            began = time.monotonic()
            answer = client.send("POST", "/events", HEADERS.items(), batch(number))
            self.slowest = max(self.slowest, time.monotonic() - began)
            if answer.status == 200:
                self.accepted.append(number)
            else:
                self.refused.append(answer)
            number += CLIENTS
        client.close()


def batch(number: int) -> bytes:
    """Filum's array of events, whose ids a repetition would repeat."""
    events = [
        {
            "event_id": f"overload-{n}",
            "event_name": "Overload",
            "event_type": "track",
            "anonymous_id": f"visitor-{n % 97}",
            "event_params": [{"key": "number", "value": {"int_value": n}}],
        }
        for n in range(number * BATCH, (number + 1) * BATCH)
    ]
    return json.dumps(events).encode()


def stored(pipeline: Pipeline) -> tuple[int, int]:
    sql = (
        "SELECT count() AS events, uniqExact(properties.number::Int64) AS different "
        "FROM headrace.events FINAL WHERE source_id = {source:String}"
    )
    (row,) = pipeline.sql(sql, source=SOURCE)
    return row["events"], row["different"]


def resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123 - not a file of ours
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def test_the_excess_is_refused_and_what_is_accepted_is_stored_once(
    make_pipeline: MakePipeline, report: Report
) -> None:
    pipeline = make_pipeline(HEADRACE_BACKLOG_SECONDS=BACKLOG_SECONDS).start()
    pipeline.create_source(SOURCE, "--write-key", KEY)
    flood = Flood(pipeline.url)
    flood.run()
    over, accepted = time.monotonic(), len(flood.accepted) * BATCH
    assert resident_mb(pipeline.tiers()["ingest"]) < INGEST_MB
    check_refusals(flood.refused)
    assert flood.slowest < ANSWER_SECONDS
    events, different = eventually(
        lambda: stored(pipeline),
        until=lambda found: found[1] >= accepted,
        within=RECOVERY_SECONDS,
        what=f"all {accepted} accepted events are stored",
    )
    recovery = time.monotonic() - over
    eventually(
        lambda: [pipeline.client.send("POST", "/events", HEADERS.items(), batch(10**6))],
        until=lambda answers: answers[0].status == 200,
        within=RECOVERY_SECONDS,
        what="requests are let in again",
    )
    report(
        Figures(
            fault="25",
            what="more than the processors work off",
            sent=(len(flood.accepted) + len(flood.refused)) * BATCH,
            accepted=accepted,
            stored=different,
            doubled=events - different,
            dead=0,
            recovery=recovery,
            note=f"{len(flood.refused)} requests of {BATCH} refused, "
            f"slowest answer {flood.slowest:.1f} s",
        )
    )
    assert different == accepted


def check_refusals(refused: list[Answer]) -> None:
    """They are Filum's own, and say when to come again."""
    assert {answer.status for answer in refused} == {503}
    for answer in refused:
        assert 1 <= int(answer.headers["retry-after"]) <= 30
        assert answer.json["code"] == "overloaded"
        assert answer.json["statusCode"] == 503
