"""A person in every table, and what is left of them."""

from collections.abc import Collection, Iterable
from typing import Any

from schemas import codec, dead
from schemas.merges import Edge
from schemas.metrics import Metrics
from schemas.profiles import write
from schemas.wire import vendor
from sinks import rows
from sinks.clickhouse import ClickHouse
from sinks.folding import Folding
from sinks.forgetting import Forgetting
from sinks.persons import Persons
from sinks.purge import Purge
from sinks.rewrite import Rewrite
from tests.sinks.lines import NOVEMBER, event, letter
from tests.sinks.people import Known, change

OLD, USER, OTHER = "p-visitor", "p-anna", "p-bert"
"""Profiles: a visitor, the user that the visitor became, somebody else."""
LINK = Edge(OLD, USER, NOVEMBER, "link")
IDS = {OLD, USER, "anna", "device-1"}
ERASURE = "7e5a8f2e-6a0a-4b6b-9c7c-3f1f5a2f7d10"


class Taken:
    """Tombstones as a broker would have them."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.keys: list[tuple[int, bytes, bytes | None]] = []
        self.edges_taken: list[Edge] = []

    async def changes(self, records: Iterable[tuple[int, bytes, bytes | None]]) -> None:
        self.keys += records

    async def edges(self, profile_ids: Collection[str], until: int) -> int:
        found = {e for each in profile_ids for e in self.known.merges.edges(each) if e.at <= until}
        for edge in found:
            if {edge.profile_id, edge.merged_into} & set(profile_ids):
                self.known.merges.forget(edge)
                self.edges_taken.append(edge)
        return len(found)


def events(number: int = 0, **more: Any) -> list[bytes]:
    """Two events of the person as a visitor and as a user, and two of somebody else.

    One of these is on the same device and in the same session as the person's.
    """
    same: dict[str, Any] = {"session_id": "s-shared", "kind": "page", **more}
    return [
        event(number + 1, profile_id=OLD, anonymous_id="device-1", page_url="http://a/1", **same),
        event(number + 2, profile_id=USER, user_id="anna", **same),
        event(
            number + 3,
            profile_id=OTHER,
            user_id="bert",
            anonymous_id="device-1",
            page_url="http://a/3",
            **same,
        ),
        event(number + 4, profile_id="p-static", user_id="anna", session_id="s-own", **more),
    ]


def changes(number: int = 0, **more: Any) -> list[Any]:
    return [
        change(number + 1, OLD, ids={"anonymous": ("device-1",)}, **more),
        change(
            number + 2,
            USER,
            ids={"user": ("anna",), "email": ("anna@example.org",)},
            set={"name": "Anna"},
            **more,
        ),
        change(number + 3, OTHER, ids={"user": ("bert",)}, set={"name": "Bert"}, **more),
    ]


def letters(number: int = 0) -> list[bytes]:
    """Of the person: a canonical line, a change, and a line that nobody can read."""
    said = codec.dumps({"profile_id": USER, "event_id": "x", "received_at": NOVEMBER})
    texts = [events(number)[1], said, b'{"user":"anna","received_at":1}', b'{"user":"bert"}', b"{"]
    return [
        dead.write(letter(number + place, original=text, stage="sink"))
        for place, text in enumerate(texts)
    ]


async def keep(clickhouse: ClickHouse, known: Known, number: int = 0, **more: Any) -> None:
    """Store all of it, as the sink does."""
    batch = [rows.events(line, 0, number + at) for at, line in enumerate(events(number, **more))]
    await clickhouse.insert("events", rows.body(batch))
    said = [
        rows.changes(codec.dumps(_plain(each)), 1, number + at)
        for at, each in enumerate(changes(number, **_times(more)))
    ]
    await clickhouse.insert("profile_changes", rows.body(said))
    found = [rows.letters(line, 0, number + at) for at, line in enumerate(letters(number))]
    await clickhouse.insert("dead_letters", rows.body(found))
    await fold(clickhouse, known)


async def fold(clickhouse: ClickHouse, known: Known) -> None:
    """Fold all profiles, and note who is whom."""
    folding = Folding(clickhouse, known, Metrics(), chance=lambda: 0.0)
    folding.suspect()
    folding._hear({OLD, USER, OTHER})
    await folding.follow()


def _times(more: dict[str, Any]) -> dict[str, Any]:
    return {"received_at": more["at"]} if "at" in more else {}


def _plain(each: Any) -> Any:
    return codec.loads(write(each))


def persons(clickhouse: ClickHouse, taken: Taken) -> Persons:
    return Persons(clickhouse, taken.known.merges, taken)


def forgetting(
    clickhouse: ClickHouse,
    taken: Taken,
    metrics: Metrics | None = None,
    *,
    rewrite_ms: int = 3_600_000,
    settle_ms: int = 300_000,
) -> Forgetting:
    return Forgetting(
        clickhouse,
        persons(clickhouse, taken),
        taken,
        Purge(clickhouse, vendor),
        Rewrite(clickhouse),
        metrics or Metrics(),
        rewrite_ms=rewrite_ms,
        settle_ms=settle_ms,
    )


TOMBSTONES = {"erased_ids", "erasure_states", "erasures", "expirations", "migrations"}
"""Tables that say who was erased, and none that is filled from events."""


async def survivors(clickhouse: ClickHouse, *ids: str, hidden: bool = False) -> dict[str, int]:
    """Count rows in which one of these texts is, in any column of any table.

    The tables and their columns are asked of the server, so that a new one is not forgotten.
    """
    columns = await clickhouse.query(
        "SELECT table, groupArray((name, type)) FROM system.columns WHERE database = {d:String}"
        " AND table IN (SELECT name FROM system.tables WHERE database = {d:String}"
        " AND engine LIKE '%MergeTree') GROUP BY table",
        {"d": clickhouse.database},
    )
    assert {"events", "session_states", "profile_states"} < {str(table) for table, _ in columns}
    found = {}
    for table, named in columns:
        if table in TOMBSTONES:
            continue
        texts = ", ".join(_text(name, type_) for name, type_ in named)
        rows = await clickhouse.query(
            f"SELECT count() FROM {clickhouse.database}.{table}"  # noqa: S608 - a test's own
            f" WHERE multiSearchAny(concat({texts}, ''), {{ids:Array(String)}})",
            {"ids": list(ids)},
            {"apply_deleted_mask": 0} if hidden else {},
        )
        if count := rows[0][0]:
            found[str(table)] = count
    return found


def _text(name: str, type_: str) -> str:
    if type_.startswith("AggregateFunction"):
        return f"toString(finalizeAggregation(`{name}`))"
    if type_.startswith("JSON"):
        return f"toJSONString(`{name}`)"
    return f"ifNull(toString(`{name}`), '')"
