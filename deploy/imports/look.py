"""The dry run: what an import would make of a file, by its first rows."""

from collections.abc import Iterable, Iterator
from typing import Final

from deploy.imports.chunks import SAMPLE, Chunk, Wish, chunk, planned
from deploy.imports.kinds import container_for, stem_of
from deploy.imports.places import Place
from deploy.imports.tables import rows
from deploy.imports.unpack import BROKEN, USUAL, Bounds, Counted, parts
from schemas.errors import Malformed
from schemas.events import iso
from schemas.rows import Row
from schemas.wire.imports.outcome import outcome
from schemas.wire.imports.plan import Plan

_SHOWN: Final = 10


def look(
    places: Iterable[Place], wish: Wish, container: str, now: int, bounds: Bounds = USUAL
) -> Iterator[str]:
    """Say line by line what each part would become; nothing is sent.

    Raises:
        Malformed: what is wrong with a file as a whole.
    """
    for place in places:
        stream = place.open()
        try:
            for part in parts(place.name, Counted(stream), bounds):
                kind = container or container_for(wish.format, part)
                found = rows(kind, part.stream, held=bounds.held)
                plan, every = planned(found, wish, kind, now, stem_of(part))
                some = [row for row, _ in zip(every, range(SAMPLE), strict=False)]
                yield f"{part.name}: {kind}, {plan.format}"
                yield from _described(some, plan)
        except BROKEN as error:
            raise Malformed("archive-invalid", f"{place.name} is broken: {error}") from error
        finally:
            stream.close()


def _described(some: list[Row], plan: Plan) -> Iterator[str]:
    made = chunk(some, 0, 0, plan, "")
    for target, column in sorted(plan.columns.items()):
        yield f"  {column} -> {target}"
    if plan.columns and "time" not in plan.columns:
        now = iso(plan.began)
        yield f"  no column is a time: every event would be of {now} (--map time=COLUMN)"
    if plan.columns and not {"user", "anonymous", "session"} & plan.columns.keys():
        yield "  no column is a user or visitor: the events are nobody's (--map user=COLUMN)"
    yield from _collections(made, plan)
    for row, error in made.rejected[:_SHOWN]:
        yield f"  line {row.line} would be set aside: {error.code}: {error.message}"
    if len(made.rejected) > _SHOWN:
        yield f"  ... and {len(made.rejected) - _SHOWN:,} more"
    aside = f"{len(made.rejected):,} rows set aside"
    yield f"  the first {len(some):,} rows: {len(made.drafts):,} events, {aside}"


def _collections(made: Chunk, plan: Plan) -> Iterator[str]:
    """Show each collection with the types that its properties would have."""
    for each in outcome(made.drafts, plan)["collections"]:
        yield f"  {each['name']}: {each['events']:,} of them"
        for column in each["properties"]:
            yield f"    {column['name']}  {column['type']}  e.g. {column['example']}"
