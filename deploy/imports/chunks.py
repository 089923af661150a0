"""Rows of a part -> drafts of events, in chunks; what is wrong is set aside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain, islice
from typing import Any, Final
from zlib import crc32

from deploy.imports.state import Done
from schemas import codec
from schemas.errors import Malformed
from schemas.reading import bound_line
from schemas.rows import Row
from schemas.topics import MAX_EVENT_BYTES
from schemas.vendor import Draft
from schemas.wire.imports.formats import FORMATS, Format
from schemas.wire.imports.guess import plan_of, types_of
from schemas.wire.imports.plan import ROWS, Plan, of_shared

SAMPLE: Final = 1_000
"""Rows that are looked at to see what columns are."""
_ENVELOPE_BYTES: Final = 16 << 10
_LOOKED_AT: Final = frozenset({ROWS, "rakam"})
"""Formats of tables whose columns are anybody's."""
_TEXT: Final = frozenset({"csv", "tsv"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What was said on the command line of how rows become events."""

    format: str = ROWS
    collection: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()


@dataclass(slots=True)
class Chunk:
    """Some rows of a part.

    Attributes:
        rows: of the part that are done when these are.
        check: CRC-32 of those.
        lines: of the drafts, where they are in the file.
        rejected: with their reasons.
    """

    rows: int
    check: int
    drafts: list[Draft] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rejected: list[tuple[Row, Malformed]] = field(default_factory=list)


def planned(
    rows: Iterator[Row], wish: Wish, container: str, began: int, stem: str
) -> tuple[Plan, Iterator[Row]]:
    """Decide how rows become events by looking at the first of them, which are given back.

    Raises:
        Malformed: ``column-unknown``, ``collection-missing``; what is wrong with the file.
    """
    first = list(islice(rows, SAMPLE)) if wish.format in _LOOKED_AT else []
    if wish.format != ROWS:
        types = dict(wish.types)
        if container in _TEXT:
            types = types_of([row.value for row in first if type(row.value) is dict]) | types
        plan = Plan(wish.format, wish.collection or stem, types=types, began=began)
        return plan, chain(first, rows)
    plan = plan_of(
        [row.value for row in first if type(row.value) is dict],
        collection=wish.collection,
        columns=wish.columns,
        types=wish.types,
        skip=wish.skip,
        began=began,
        of_text=container in _TEXT,
    )
    if not plan.collection and "event" not in plan.columns:
        if not stem:
            message = "no column names the events: say what they are with --collection"
            raise Malformed("collection-missing", message)
        plan = Plan(ROWS, stem, plan.columns, plan.types, plan.skip, began)
    return plan, chain(first, rows)


def plan_for(
    rows: Iterator[Row], wish: Wish, container: str, began: int, stem: str, done: Done
) -> tuple[Plan, Iterator[Row]]:
    """Take the plan that an earlier run made, else :func:`planned`."""
    if done.plan is not None:
        return of_shared(wish.format, done.plan), rows
    plan, rows = planned(rows, wish, container, began, stem)
    done.plan = plan.shared()
    return plan, rows


def chunks(rows: Iterator[Row], plan: Plan, done: Done, size: int) -> Iterator[Chunk]:
    """Make drafts of the rows that are not done yet, so many rows at a time.

    Raises:
        Malformed: ``file-changed`` when the rows that are done are others now.
    """
    at, check = 0, 0
    for row in islice(rows, done.rows):
        at += 1
        check = crc32(_bytes_of(row), check)
    if (at, check) != (done.rows, done.check):
        message = "it begins as it did, but its rows are others now: import it with --restart"
        raise Malformed("file-changed", message)
    # the same file into another collection is other events
    tag = sha256(f"{plan.collection}\0{done.identity}".encode()).hexdigest()[:16]
    while some := list(islice(rows, size)):
        made = chunk(some, at, check, plan, tag)
        yield made
        at, check = made.rows, made.check


def chunk(rows: Sequence[Row], at: int, check: int, plan: Plan, tag: str) -> Chunk:
    """Make drafts of rows, the first of which is number ``at`` of its part.

    Args:
        tag: stands for the part in the ids of rows that have none.
    """
    read = FORMATS[plan.format]
    made = Chunk(at + len(rows), check)
    for number, row in enumerate(rows, at):
        line = _bytes_of(row)
        made.check = crc32(line, made.check)
        row_id = f"{tag}:{number}:{crc32(line):08x}"
        try:
            drafts = _drafts(row, line, plan, read, row_id)
        except Malformed as error:
            made.rejected.append((row, error))
        else:
            made.drafts += drafts
            made.lines += [row.line] * len(drafts)
    return made


def _bytes_of(row: Row) -> bytes:
    if row.why is not None:
        return row.text.encode("utf-8", "replace")
    try:
        return codec.dumps(row.value)
    except Malformed:
        return b""


def _drafts(row: Row, line: bytes, plan: Plan, read: Format, row_id: str) -> list[Draft]:
    if row.why is not None:
        raise row.why
    bodies = read.split(row.value)
    if len(bodies) == 1 and bodies[0] is row.value:
        return [_draft(row.value, line, plan, read, row_id)]
    return [
        _draft(body, codec.dumps(body), plan, read, f"{row_id}:{place}")
        for place, body in enumerate(bodies)
    ]


def _draft(body: Any, line: bytes, plan: Plan, read: Format, row_id: str) -> Draft:
    if not line:
        raise Malformed("json-unserialisable", "it holds what JSON cannot: a number beyond 64 bits")
    bound_line(line, body)
    if len(line) > MAX_EVENT_BYTES - _ENVELOPE_BYTES:
        raise Malformed("event-too-large", f"an event has at most {MAX_EVENT_BYTES} bytes")
    return read.read(body, plan).draft(line, row_id)
