"""The same raw lines again: the same rows, whatever is remembered of their sessions."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.steps.sessionize import KEPT
from tests.processors.test_work import record, working
from tests.processors.world import MINUTE, NOW, line

SHORT = st.integers(0, (KEPT - 1) * 31).map(lambda minutes: NOW + minutes * MINUTE)
LONG = st.integers(0, 5_000).map(lambda minutes: NOW + minutes * MINUTE)


def rows(store: dict[bytes, bytes], lines: list[bytes]) -> dict[str, Any]:
    """Process lines one record each; what a table would hold of them in the end."""
    work = working(store)
    found = [row for text in lines for row in work(record(text)).lines]
    return {row["event_id"]: row for row in map(json.loads, found)}


@given(st.lists(SHORT, max_size=12))
def test_sessions_that_are_remembered_take_their_events_back(times: list[int]) -> None:
    store: dict[bytes, bytes] = {}
    lines = [line("v", time=time) for time in times]
    before = rows(store, lines)
    assert rows(store, lines) == before
    assert rows(store, lines[len(lines) // 2 :]).items() <= before.items()


@given(st.lists(LONG, max_size=16).map(sorted))
def test_more_sessions_than_are_remembered_are_cut_as_they_were(times: list[int]) -> None:
    store: dict[bytes, bytes] = {}
    lines = [line("v", time=time, received_at=time) for time in times]
    before = rows(store, lines)
    assert rows(store, lines) == before
    assert rows({}, lines) == before
