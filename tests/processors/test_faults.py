"""A bad deploy stops; odd events of clients do not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.faults import SURE_IN_A_ROW, Faults
from schemas import codec
from schemas.errors import HeadraceError
from schemas.topics import Topics
from tests.processors import world
from tests.processors.conftest import Running
from tests.processors.worker import WorkerProcess
from tests.processors.world import Reader, Tracker, line

CLIENTS = ("json-invalid", "schema-frozen", "body-invalid", "event-too-large", "too-many-keys")


def feed_until(judge: Callable[[], None], most: int) -> int:
    """Count the calls until it trips; `most` when it does not."""
    for number in range(most):
        try:
            judge()
        except HeadraceError:
            return number
    return most


@pytest.mark.parametrize(
    ("code", "calls"), [("protocol-unknown", 99), ("envelope-invalid", 99), ("process-bug", 900)]
)
def test_nothing_but_our_faults_stops(code: str, calls: int) -> None:
    faults = Faults()
    assert feed_until(lambda: faults.judge("shop", 0, [code]), 5_000) == calls


def test_half_of_the_events_of_an_unknown_protocol_stop() -> None:
    faults = Faults()
    codes = ["protocol-unknown"] * 11
    assert feed_until(lambda: faults.judge("shop", 9, codes), 5_000) < 100


def test_half_of_the_events_that_find_a_bug_do_not_stop() -> None:
    faults = Faults()
    assert feed_until(lambda: faults.judge("shop", 10, ["process-bug"] * 50), 5_000) == 5_000


@given(st.lists(st.tuples(st.integers(0, 3), st.lists(st.sampled_from(CLIENTS)))))
def test_what_clients_can_send_never_stops(records: list[tuple[int, list[str]]]) -> None:
    faults = Faults()
    for events, codes in records * 50:
        faults.judge("shop", events, codes * 10)


def test_a_flood_into_one_source_does_not_stop_the_others() -> None:
    faults = Faults()
    faults.judge("shop", 1, [])
    assert feed_until(lambda: faults.judge("flooded", 0, ["process-bug"] * 10), 5_000) == 5_000
    assert feed_until(lambda: faults.judge("shop", 0, ["process-bug"]), 5_000) < 5_000


def test_the_message_says_what_to_do() -> None:
    faults = Faults()
    with pytest.raises(HeadraceError, match=r"100 of the last 100 events .*: nothing more is ack"):
        faults.judge("shop", 0, ["protocol-unknown"] * 100)


@pytest.mark.faults
async def test_a_bad_deploy_stops_and_the_next_goes_on_where_it_stopped(
    running: Running,
    kafka: str,
    topics: Topics,
    tracker: Tracker,
    reader: Reader,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [line("v", protocol="morse") for _ in range(300)]
    for text in lines:
        await tracker.post("v", text)
    bad = WorkerProcess(kafka, topics, 6066, tmp_path)
    try:
        assert "nothing more is acknowledged" in await bad.ended()
    finally:
        bad.kill()
    # the next version knows the protocol
    monkeypatch.setattr(world, "vendors", lambda _: world.VENDOR)
    everything = {codec.loads(text)["event_id"] for text in lines}

    def there() -> bool:
        letters = {letter["event_id"] for letter in reader.dead}
        return letters | {event["event_id"] for event in reader.events} == everything

    async with running(6067):
        await reader.until(there)
    assert len({letter["event_id"] for letter in reader.dead}) < SURE_IN_A_ROW
