"""Changes of profiles as the processors write them, and what the store makes of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from schemas import codec
from schemas.merges import Edge, Merges
from schemas.profiles import Change, State, fold, write
from sinks import rows
from sinks.clickhouse import ClickHouse

AT = 1_795_196_800_000


def change(number: int, profile_id: str, **said: Any) -> Change:
    """Say something of a profile, in the event of this number."""
    given: dict[str, Any] = {
        "at": AT + number,
        "received_at": AT + number,
        "source_id": "shop",
    } | said
    return Change(str(uuid5(NAMESPACE_OID, str(number))), profile_id=profile_id, **given)


class Known:
    """Merges as a tail knows them."""

    def __init__(self, *edges: Edge) -> None:
        self.merges = Merges()
        self.merges_read = 0
        self.learn(*edges)

    def learn(self, *edges: Edge) -> None:
        for edge in edges:
            self.merges.put(*edge)
            self.merges_read += 1


async def keep(clickhouse: ClickHouse, changes: Iterable[Change], offset: int = 0) -> None:
    """Store changes as the sink does."""
    read = [rows.changes(write(each), 0, offset + number) for number, each in enumerate(changes)]
    await clickhouse.insert("profile_changes", rows.body(read))


async def shown(clickhouse: ClickHouse, view: str = "profiles") -> dict[str, dict[str, Any]]:
    """Everything in a view, by profile."""
    names = "profile_id, source_ids, ids, groups, traits_text, changes"
    if view == "groups":
        names = "profile_id, group_type, group_id, traits_text, changes"
    found = await clickhouse.query(f"SELECT {names} FROM {clickhouse.database}.{view}")  # noqa: S608 - a test's own
    keys = names.replace("traits_text", "traits").split(", ")
    shown = [dict(zip(keys, row, strict=True)) for row in found]
    return {row["profile_id"]: row | {"traits": codec.loads(row["traits"])} for row in shown}


def expected(changes: Sequence[Change], merges: Merges) -> dict[str, State]:
    """What the profiles must be in the end: a function of the two sets."""
    families: dict[str, list[Change]] = {}
    for each in changes:
        families.setdefault(merges.resolve(each.profile_id), []).append(each)
    return {root: fold(said) for root, said in families.items()}


def same(found: Mapping[str, Mapping[str, Any]], states: Mapping[str, State]) -> bool:
    """Tell whether a view shows these states and no others."""
    told = {
        root: (
            {kind: list(each) for kind, each in state.ids.items()},
            dict(state.groups),
            dict(state.traits),
            state.changes,
        )
        for root, state in states.items()
    }
    return told == {
        root: (row["ids"], row["groups"], row["traits"], row["changes"])
        for root, row in found.items()
    }
