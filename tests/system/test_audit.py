"""`headrace audit` over mixed traffic, and over rows that somebody deleted."""

import json
import subprocess
import sys
from typing import Any
from uuid import uuid4

import pytest

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import STORED_SECONDS
from tests.system.test_dead import publish

pytestmark = pytest.mark.system

SOURCE, PASSING = "audited", "passing-through"
SESSIONS, PER_REQUEST = 4, 3


def track(pipeline: Pipeline, source_id: str, session: str, ids: list[str]) -> int:
    payload = {
        "source": {"id": source_id},
        "session": {"id": session},
        "events": [{"id": each, "type": "audited", "properties": {}} for each in ids],
    }
    return pipeline.client.post_json("/track", payload).status


def audit(pipeline: Pipeline, source_id: str = SOURCE) -> tuple[int, Row]:
    done = pipeline.headrace("audit", "--source", source_id, "--format", "json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def total(found: Row, name: str) -> int:
    return sum(minute[name] for minute in found["minutes"])


def settled(
    pipeline: Pipeline, source_id: str, accepted: int, duplicates: int = 0
) -> tuple[int, Row]:
    """Wait until all is through, and counted: until then records are read that others sent, too.

    What no book tells of yet is looked up in the table, where it counts as stored, not as twice.
    """
    return eventually(
        lambda: audit(pipeline, source_id),
        until=lambda seen: (
            not total(seen[1], "in_flight")
            and total(seen[1], "accepted") >= accepted
            and total(seen[1], "duplicates") >= duplicates
        ),
        within=STORED_SECONDS,
        what=f"what {source_id} sent is through",
    )


@pytest.fixture(scope="module")
def event_ids(pipeline: Pipeline) -> list[str]:
    """Events of all fates: stored, sent twice, dead, and of a source that stores nothing."""
    admin = Admin(pipeline)
    admin.create(SOURCE)
    admin.create(PASSING, transitional=True)
    requests = [[str(uuid4()) for _ in range(PER_REQUEST)] for _ in range(SESSIONS)]
    eventually(
        lambda: track(pipeline, PASSING, "passing", [str(uuid4())]) == 200,
        within=30,
        what="the new sources are known",
    )
    for number, ids in enumerate((*requests, requests[0])):
        session = f"audited-{number % SESSIONS}"
        assert track(pipeline, SOURCE, session, ids) == 200
    publish(pipeline, SOURCE, protocol="nobody")
    return [each for ids in requests for each in ids]


def test_every_accepted_event_is_accounted_for(pipeline: Pipeline, event_ids: list[str]) -> None:
    accepted = len(event_ids) + PER_REQUEST + 1
    status, found = settled(pipeline, SOURCE, accepted, PER_REQUEST)
    names = ("accepted", "stored", "duplicates", "dead", "unsaved", "missing")
    sums = [total(found, name) for name in names]
    assert (status, sums) == (0, [accepted, len(event_ids), PER_REQUEST, 1, 0, 0])
    status, found = settled(pipeline, PASSING, 1)
    assert (status, total(found, "unsaved")) == (0, total(found, "accepted"))


def test_a_deleted_row_is_found_where_it_was(pipeline: Pipeline, event_ids: list[str]) -> None:
    victim = event_ids[-1]
    (row,) = pipeline.sql(
        "SELECT kafka_partition AS partition, kafka_offset AS offset,"
        " formatDateTime(toStartOfMinute(received_at), '%FT%H:%iZ') AS minute"
        " FROM headrace.events FINAL WHERE event_id = {id:UUID}",
        id=victim,
    )
    accident(pipeline, f"DELETE FROM headrace.events WHERE event_id = '{victim}'")  # noqa: S608
    status, found = audit(pipeline)
    assert (status, found["missing"]) == (1, 1)
    (finding,) = found["findings"]
    expected: dict[str, Any] = {
        "source_id": SOURCE,
        "minute": row["minute"],
        "partition": row["partition"],
        "offsets": [[row["offset"], row["offset"]]],
        "events": 1,
        "event_ids": [victim],
        "reason": "rows-missing",
    }
    assert {name: finding[name] for name in expected} == expected


def accident(pipeline: Pipeline, sql: str) -> None:
    """Run a statement with rights that no user of the pipeline has."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.accident", str(pipeline.data), sql],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
