"""Nearly valid requests at a running pipeline: each is answered, and what is accepted is found."""

import json
import random
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from tests.cases.case import Case, SourceKind, all_cases
from tests.cases.running import Runner
from tests.cases.torn import torn
from tests.cases.ways import feeds, fresh, request
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.topics import lines, undelivered

pytestmark = pytest.mark.system

VENDORS = ("tracardi", "rakam", "filum", "eventbunker", "own", "cloudevents")
SEED = 20261121
PER_VENDOR = 250
AT_LEAST = 10
STORED_SECONDS = 60.0
NOT_STORED = ("saveEvent", '"save"')
"""Options by which a client asks that an event is not stored."""


@dataclass
class Tried:
    """What became of the requests of one vendor."""

    source_id: str
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[tuple[int, bytes, bytes]] = field(default_factory=list)


@pytest.fixture(scope="module")
def tried(pipeline: Pipeline) -> dict[str, Tried]:
    """All torn requests sent, and everything of them stored."""
    chance = random.Random(SEED)  # noqa: S311 - the same in every run
    kinds = [SourceKind(vendor, "torn") for vendor in VENDORS]
    found = {kind.vendor: Tried(kind.id) for kind in kinds}
    with closing(Runner(pipeline, pipeline.settings["HEADRACE_ADMIN_KEY"])) as runner:
        runner.create(kinds)
        for vendor, outcome in found.items():
            whole = [case for case in all_cases() if case.vendor == vendor and _may_be_torn(case)]
            for number in range(PER_VENDOR):
                _try(runner, whole[number % len(whole)], outcome, chance)
    eventually(
        lambda: undelivered(pipeline),
        until=lambda left: not left,
        within=STORED_SECONDS,
        what="everything accepted is stored or a dead letter",
    )
    return found


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_request_is_answered_and_none_is_a_fault(
    vendor: str, tried: dict[str, Tried]
) -> None:
    outcome = tried[vendor]
    assert outcome.faults == []
    assert sum(outcome.statuses.values()) == PER_VENDOR
    assert outcome.statuses[200] > AT_LEAST
    assert len(outcome.statuses) > 1, "some are refused"


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_was_accepted_is_a_row_or_a_dead_letter(
    vendor: str, tried: dict[str, Tried], pipeline: Pipeline
) -> None:
    source_id = tried[vendor].source_id
    accepted = {json.loads(line)["event_id"] for line in lines(pipeline, source_id)}
    stored = {
        table: {
            row["event_id"]
            for row in pipeline.sql(
                f"SELECT event_id FROM headrace.{table} WHERE source_id = {{source:String}}",  # noqa: S608
                source=source_id,
            )
        }
        for table in ("events", "dead_letters")
    }
    assert stored["events"] | stored["dead_letters"] == accepted
    assert len(stored["events"]) > AT_LEAST


def _may_be_torn(case: Case) -> bool:
    told = json.dumps([case.steps[0].request, case.steps[0].event])
    return (
        len(case.steps) == 1
        and case.source == "rest"
        and bool(case.rows)
        and not any(word in told for word in NOT_STORED)
    )


def _try(runner: Runner, case: Case, outcome: Tried, chance: random.Random) -> None:
    names = fresh() | runner.names(outcome.source_id)
    http = request(case, case.steps[0], feeds(case)[0], names)
    sent = torn(http, names["UNIQ"], chance) or http
    answer = runner.ask(sent)
    outcome.statuses[answer.status] += 1
    if answer.status >= 500:
        outcome.faults.append((answer.status, sent.body[:300], answer.body[:300]))
