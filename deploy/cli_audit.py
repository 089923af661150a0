"""``headrace audit``: what became of every accepted event, and what is missing."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from deploy.cli_dead import Moment
from deploy.cli_options import data_option, read_settings, speaks_plainly
from deploy.sheet import FATES, Fate, Key, Why
from deploy.tier import clock
from schemas.events import iso
from schemas.ledger import UNKNOWN

if TYPE_CHECKING:
    from deploy.audit import Audited
    from deploy.reckoning import Finding

_HOUR_MS: Final = 3_600_000
_HEADS: Final = ("minute", "source", "accepted", *FATES)
_REASONS: Final[dict[Why, str]] = {
    "uncounted": "not processed yet",
    "skipped": "committed, but never processed",
    "vanished": "acknowledged, but Kafka does not have the record",
    "differs": "two tiers counted the record differently",
    "not-written": "processed, but its events did not reach the sink",
    "rows-missing": "stored, but the rows are gone",
    "letters-missing": "dead-lettered, but the letters are gone",
}


@click.command()
@click.option(
    "--since",
    type=Moment(),
    help="Audit what was accepted since: 2h, 7d, or 2026-11-21T13:00Z [1h]. At most what Kafka "
    "keeps, 7 days.",
)
@click.option("--source", default="", metavar="ID", help="Show this source only.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="For people, or one JSON object for programs.",
)
@data_option
@speaks_plainly
def audit(since: int | None, source: str, output_format: str, data: Path | None) -> None:
    """Check that nothing was lost: per source and minute, what became of every accepted event.

    Each tier counts every record for itself, by the clock of the edge, and keeps its counts in
    headrace.ledger. Where they do not agree, or one is missing because a process died, the
    record itself is read again and its events are looked for one by one. What is missing is
    named with its minute, source, partition and offsets. An event that was accepted twice
    counts twice. Exits with 1 when anything is missing.
    """
    from deploy.audit import audit as run_audit
    from schemas import codec

    settings = read_settings(data=data)
    found = asyncio.run(run_audit(settings, clock() - _HOUR_MS if since is None else since))
    if output_format == "json":
        click.echo(codec.dumps(as_json(found, source)))
    else:
        for line in told(found, source):
            click.echo(line)
    missing = sum(fates["missing"] for _, fates in _chosen(found, source))
    sys.exit(1 if missing else 0)


def as_json(found: "Audited", source: str) -> dict[str, Any]:
    """Everything as plain values; minutes are ISO 8601."""
    return {
        "minutes": [
            {"minute": _minute(minute), "source_id": source_id, "accepted": fates.total()}
            | {fate: fates[fate] for fate in FATES}
            | {"uncounted_at_edge": found.uncovered[source_id, minute]}
            for (source_id, minute), fates in _chosen(found, source)
        ],
        "findings": [
            {
                "minute": _minute(each.minute),
                "source_id": each.source_id,
                "reason": each.why,
                "topic": each.topic,
                "partition": each.partition,
                "offsets": spans(each.offsets),
                "events": each.events,
                "event_ids": each.sample,
            }
            for each in found.findings
            if source in {"", each.source_id}
        ],
        "missing": sum(fates["missing"] for _, fates in _chosen(found, source)),
        "records_read": found.looked_into,
    }


def told(found: "Audited", source: str) -> Iterator[str]:
    """Tables for people: the minutes, their sum, and what is missing."""
    rows = list(_chosen(found, source))
    if not rows:
        yield "Nothing was accepted in that time."
        return
    total: Counter[Fate] = Counter()
    cells = [_HEADS]
    for (source_id, minute), fates in rows:
        total += fates
        cells.append((_minute(minute), source_id or "?", *_numbers(fates)))
    cells.append(("in all", "", *_numbers(total)))
    yield from _columns(cells)
    yield ""
    missing = [each for each in found.findings if source in {"", each.source_id}]
    for each in missing:
        yield from _finding(each)
    uncovered = sum(found.uncovered[key] for key, _ in rows)
    if uncovered:
        yield f"{uncovered:,} of them are not in the edge's count yet, or their process was killed."
    if found.looked_into:
        yield f"{found.looked_into:,} records were read again."
    yield f"{total['missing']:,} of {total.total():,} events are missing."


def spans(offsets: Iterable[int]) -> list[list[int]]:
    """First and last of each run of offsets."""
    runs: list[list[int]] = []
    for offset in sorted(offsets):
        if runs and offset == runs[-1][1] + 1:
            runs[-1][1] = offset
        else:
            runs.append([offset, offset])
    return runs


def _chosen(found: "Audited", source: str) -> list[tuple[Key, Counter[Fate]]]:
    chosen = [
        (key, fates)
        for key, fates in found.fates.items()
        if source in {"", key[0]} and any(fates.values())
    ]
    return sorted(chosen, key=lambda each: (each[0][1], each[0][0]))


def _finding(each: "Finding") -> Iterator[str]:
    offsets = ", ".join(f"{a}" if a == z else f"{a}-{z}" for a, z in spans(each.offsets))
    yield (
        f"MISSING {each.events:,} of source {each.source_id}, {_minute(each.minute)}: "
        f"{each.topic}, partition {each.partition}, offset {offsets}"
    )
    yield f"  {_REASONS[each.why]}; {', '.join(each.sample) or 'ids unknown'}"


def _numbers(fates: Counter[Fate]) -> tuple[str, ...]:
    return f"{fates.total():,}", *(f"{fates[fate]:,}" for fate in FATES)


def _minute(minute: int) -> str:
    return "unknown" if minute == UNKNOWN else f"{iso(minute)[:16]}Z"


def _columns(cells: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        text = [
            cell.ljust(width) if place < 2 else cell.rjust(width)  # noqa: PLR2004 - two of text
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(text).rstrip()
