"""A trace in words, one line for each step of the event's way."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.search import Found
from deploy.trace import Trace
from schemas import codec
from schemas.events import iso

_STATES: Final[Mapping[str, str]] = {
    "stored": "stored",
    "dead": "dead letter: `headrace dead show LETTER_ID` has its bytes, `headrace dead replay` "
    "tries again",
    "processing": "in flight: accepted, waits for the processors",
    "storing": "in flight: processed, waits for the sink",
    "burying": "in flight: failed, its dead letter waits for the sink",
    "unsaved": "processed and not stored, as its client or its source asked",
    "heartbeat": "one of headrace's own: its row is in heartbeats for an hour",
    "missing": "MISSING: every tier has passed it and no table has it. It was erased, or it is "
    "lost: `headrace audit` tells which minutes lack events",
    "unknown": "unknown: neither in the tables nor in what was read of the topics. Look further "
    "with --since and --window; what an edge still spools is not in Kafka yet",
}


def told(trace: Trace, now: int) -> Iterator[str]:
    """Write the way of an event, in the order in which it went.

    Args:
        now: Unix ms, for how long it waits.
    """
    yield _line("event", trace.event_id)
    yield _line("state", _STATES[trace.state])
    replayed = {(each["topic"], each["partition"], each["offset"]) for each in trace.replays}
    for number, found in enumerate(trace.raw):
        again = found.copy or (found.topic, found.partition, found.offset) in replayed
        name = "received" if number == 0 else "replayed" if again else "again"
        yield _line(name, f"{_received(found)}  {_place(found)}")
        if trace.waits(found):
            yield _line("", f"waits for the processors {_waiting(trace, found, now)}")
    stored = {(row["partition"], row["offset"]) for row in trace.rows}
    for found in trace.events:
        here = (found.partition, found.offset) in stored
        name = "processed" if here or not trace.rows else "repeated"
        yield _line(name, f"{iso(found.written_at)}  {_place(found)}")
        if trace.waits(found) and not here:
            yield _line("", f"waits for the sink {_waiting(trace, found, now)}")
    for found in trace.dead:
        yield _line("failed", f"{iso(found.written_at)}  {_reason(found)}  {_place(found)}")
        if trace.waits(found) and not trace.letters:
            yield _line("", f"waits for the sink {_waiting(trace, found, now)}")
    yield from _kept(trace)
    yield _line("read", f"topics from {iso(trace.since)} to {iso(trace.until)}")


def _kept(trace: Trace) -> Iterator[str]:
    for letter in trace.letters:
        where = f"{letter['topic']}[{letter['partition']}] offset {letter['offset']}"
        yield _line(
            "dead",
            f"{iso(letter['failed_at'])}  {letter['code']}: {letter['reason']}  from {where}",
        )
        yield _line("", f"letter {letter['letter_id']} of stage {letter['stage']}")
    for sent in trace.replays:
        where = f"{sent['topic']}[{sent['partition']}] offset {sent['offset']}"
        yield _line("replayed", f"{iso(sent['replayed_at'])}  to {where}")
    for row in trace.rows:
        took = (row["stored_at"] - row["received_at"]) / 1000
        what = f"{row['event_type']} ({row['kind']}) of {row['source_id']}"
        place = f"from events[{row['partition']}] offset {row['offset']}"
        yield _line(
            "stored", f"{iso(row['stored_at'])}  {what}  {place}  {took:.2f} s after receipt"
        )
        valid = "" if row["valid"] else "  not valid: see errors"
        yield _line(
            "", f"session {row['session_id'] or '-'}  profile {row['profile_id'] or '-'}{valid}"
        )


def as_json(trace: Trace) -> dict[str, Any]:
    """The same as one JSON object; times are ISO 8601."""

    def record(found: Found) -> dict[str, Any]:
        return {
            "topic": found.topic,
            "partition": found.partition,
            "offset": found.offset,
            "written_at": iso(found.written_at),
            "copy": found.copy,
            "waits": trace.waits(found),
            "records_before": trace.before(found),
        }

    def row(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: iso(value) if name.endswith(("_at", "_time")) else value
            for name, value in values.items()
        }

    return {
        "event_id": trace.event_id,
        "state": trace.state,
        "received": [
            record(found) | {k: _head(found).get(k) for k in ("source_id", "protocol", "endpoint")}
            for found in trace.raw
        ],
        "processed": [*map(record, trace.events)],
        "failed": [*map(record, trace.dead)],
        "stored": [*map(row, trace.rows)],
        "dead": [*map(row, trace.letters)],
        "replayed": [*map(row, trace.replays)],
        "read": {"since": iso(trace.since), "until": iso(trace.until)},
    }


def _head(found: Found) -> dict[str, Any]:
    value: dict[str, Any] = codec.loads(found.line)
    return value


def _received(found: Found) -> str:
    head = _head(found)
    came = " ".join(str(head.get(name) or "-") for name in ("source_id", "protocol", "endpoint"))
    at = head.get("received_at")
    return f"{iso(at) if isinstance(at, int) else '-'}  {came}"


def _reason(found: Found) -> str:
    letter = _head(found)
    return f"{letter.get('code')}: {letter.get('reason')}"


def _place(found: Found) -> str:
    return f"{found.topic}[{found.partition}] offset {found.offset}"


def _waiting(trace: Trace, found: Found, now: int) -> str:
    seconds = max(0, now - found.written_at) / 1000
    return f"for {seconds:.1f} s, {trace.before(found):,} records before it"


def _line(name: str, text: str) -> str:
    return f"{name:<10} {text}"
