"""What became of numbered events: asked of the tables, over HTTP, as anybody would."""

import http.client
import os
import signal

from tests.faults.numbered import FILUM_SOURCE, Clients
from tests.system.pipeline import Pipeline, Row, ask

_SEEN = (
    "SELECT properties.number::Int64 AS number, count() AS times FROM headrace.events {final} "
    "WHERE source_id LIKE 'numbered-%' GROUP BY number"
)


def seen(url: str, final: str = "") -> dict[int, int]:
    """How often each number is in the table."""
    return {row["number"]: row["times"] for row in ask(url, _SEEN.format(final=final))}


def dead(url: str) -> int:
    """How many dead letters there are."""
    (row,) = ask(url, "SELECT count() AS dead FROM headrace.dead_letters FINAL")
    return int(row["dead"])


def is_visible_since(pipeline: Pipeline, clients: Clients, moment: float) -> bool:
    """Whether an event that was accepted after `moment` (monotonic seconds) is in the table."""
    number = clients.accepted_since(moment)
    try:
        return number is not None and _is_stored(pipeline.clickhouse, number)
    except (OSError, http.client.HTTPException, AssertionError):
        # a question to a database that was just killed may fail in any way
        return False


def _is_stored(url: str, number: int) -> bool:
    found = ask(
        url,
        "SELECT 1 FROM headrace.events WHERE source_id LIKE 'numbered-%' "
        "AND properties.number::Int64 = {number:Int64} LIMIT 1",
        number=number,
    )
    return bool(found)


def broken_sessions(url: str) -> list[Row]:
    """Visitors whose events, seconds apart, were not put into one session."""
    return ask(
        url,
        "SELECT anonymous_id, uniqExact(session_id) AS sessions, any(session_id) AS one "
        "FROM headrace.events FINAL WHERE source_id = {source:String} "
        "GROUP BY anonymous_id HAVING sessions != 1 OR one = ''",
        source=FILUM_SOURCE,
    )


def signal_tier(pipeline: Pipeline, tier: str, number: signal.Signals) -> list[int]:
    """Send a signal to every process of a tier; return which they are."""
    pids = [pid for name, pid in pipeline.tiers().items() if name.startswith(tier)]
    assert pids, f"no {tier} runs"
    for pid in pids:
        os.kill(pid, number)
    return pids
