"""Every case once more, end to end: HTTP into a running pipeline, rows out of ClickHouse."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing

import pytest

from tests.cases.case import Case, all_cases, all_sources
from tests.cases.running import Runner, Sent, owner_of, received_ms
from tests.cases.ways import feeds
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.topics import undelivered

pytestmark = pytest.mark.system

CASES = [case for case in all_cases() if case.only != "here"]
STORED_SECONDS = 60.0


@pytest.fixture(scope="module")
def selected(request: pytest.FixtureRequest) -> list[Case]:
    """The cases whose tests are going to run."""
    params = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = {id(each.params.get("case")) for each in params if each is not None}
    return [case for case in CASES if id(case) in wanted]


@pytest.fixture(scope="module")
def outcomes(pipeline: Pipeline, selected: list[Case]) -> dict[int, Sent]:
    """All selected cases sent one after the other, each in one of its ways, and judged."""
    kinds = all_sources()
    needed = {f"{case.vendor}-{case.source}" for case in selected}
    sent = []
    with closing(Runner(pipeline, pipeline.settings["HEADRACE_ADMIN_KEY"])) as runner:
        runner.create(kinds[name] for name in sorted(needed))
        for number, case in enumerate(selected):
            ways = feeds(case)
            sent.append(runner.send(case, ways[number % len(ways)]))
    eventually(
        lambda: undelivered(pipeline),
        until=lambda left: not left,
        within=STORED_SECONDS,
        what="everything accepted is stored or a dead letter",
    )
    _judge(pipeline, sent)
    return {id(each.case): each for each in sent}


@pytest.mark.parametrize("case", CASES, ids=map(str, CASES))
def test_case(case: Case, outcomes: dict[int, Sent]) -> None:
    sent = outcomes[id(case)]
    about = f"{case} [{sent.feed}], which covers {case.fact!r}:"
    assert not sent.wrong, "\n".join(["", about, *sent.wrong])


def test_nothing_is_stored_twice_and_nothing_of_nobody(
    pipeline: Pipeline, outcomes: dict[int, Sent]
) -> None:
    stored = Counter(
        (row["event_id"], row["kafka_partition"], row["kafka_offset"])
        for row in pipeline.sql(
            "SELECT event_id, kafka_partition, kafka_offset FROM headrace.events"
        )
    )
    assert [row for row, count in stored.items() if count > 1] == []
    ours = {each.source_id for each in outcomes.values()}
    strays = [
        (row["source_id"], row.get("event_type"), row.get("code"), row.get("received_at"))
        for row in _stored(pipeline)
        if row["source_id"] in ours and _owner(row, outcomes.values()) is None
    ]
    assert strays == []


def _judge(pipeline: Pipeline, sent: list[Sent]) -> None:
    rows: dict[int, list[Row]] = {id(each): [] for each in sent}
    dead: dict[int, list[Row]] = {id(each): [] for each in sent}
    for row in _stored(pipeline):
        owner = _owner(row, sent)
        if owner is not None:
            (dead if "original" in row else rows)[id(owner)].append(row)
    for each in sent:
        each.judge(rows[id(each)], dead[id(each)])


def _stored(pipeline: Pipeline) -> list[Row]:
    rows = pipeline.sql("SELECT * FROM headrace.events FINAL")
    return rows + pipeline.sql("SELECT * FROM headrace.dead_letters FINAL")


def _owner(row: Row, sent: Iterable[Sent]) -> Sent | None:
    return owner_of(sent, str(row["source_id"]), received_ms(row))
