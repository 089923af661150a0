"""Conditions on rows that are of people who were erased, and who these are."""

from collections.abc import Sequence
from typing import Any, Final

from schemas.erasures import Subjects
from sinks.clickhouse import ClickHouse

HASHED: Final = ("user", "anonymous")
"""Kinds of ids that events have beside the profile's."""

_PAGE: Final = 100_000
_ID: Final = {
    "user": "hex(sipHash128('user', toString(source_id), user_id))",
    "anonymous": "hex(sipHash128('anonymous', toString(source_id), anonymous_id))",
}
# A visitor's id that comes with a user's is of a device, which others may use, too.
_PRESENT: Final = {"user": "user_id != ''", "anonymous": "anonymous_id != '' AND user_id = ''"}


def moment(name: str) -> str:
    """Write the parameter of this name, Unix ms, as a DateTime64."""
    return f"fromUnixTimestamp64Milli({{{name}:Int64}}, 'UTC')"


def ids_of(database: str, kind: str, *, one: bool) -> str:
    """Write the set of ids of a kind: of the erasure ``erasure``, or of all."""
    only = " AND erasure_id = {erasure:UUID}" if one else ""
    return f"(SELECT id FROM {database}.erased_ids WHERE kind = '{kind}'{only})"  # noqa: S608 - identifiers


def of_person(database: str, *, one: bool = True) -> str:
    """Write the condition on events that they are of an erased person, whenever received."""
    terms = [f"profile_id IN {ids_of(database, 'profile', one=one)}"]
    for kind in HASHED:
        known = ids_of(database, kind, one=one)
        terms.append(f"({_PRESENT[kind]} AND {_ID[kind]} IN {known})")
    return f"({' OR '.join(terms)})"


def late(database: str) -> str:
    """Write the question for erasures of which rows were stored since ``since``, Unix ms."""
    ids = [f"if({_PRESENT[kind]}, {_ID[kind]}, '')" for kind in HASHED]
    since = f"stored_at >= {moment('since')}"
    events = (
        f"SELECT received_at, arrayJoin([profile_id, {', '.join(ids)}]) AS id"  # noqa: S608 - identifiers
        f" FROM {database}.events WHERE {since} AND {of_person(database, one=False)}"
    )
    changes = (
        f"SELECT received_at, profile_id AS id FROM {database}.profile_changes"  # noqa: S608 - as above
        f" WHERE {since} AND profile_id IN {ids_of(database, 'profile', one=False)}"
    )
    return (
        f"SELECT DISTINCT toString(x.erasure_id) FROM ({events} UNION ALL {changes}) AS e"  # noqa: S608 - as above
        f" INNER JOIN (SELECT id, erasure_id, asked_at FROM {database}.erased_ids"
        " WHERE kind IN ('profile', 'user', 'anonymous')) AS x ON e.id = x.id"
        " WHERE e.received_at <= x.asked_at"
    )


async def subjects(client: ClickHouse) -> Subjects:
    """Read who is erased, all of it.

    Raises:
        Failed: ClickHouse does not answer.
    """
    profiles: dict[str, int] = {}
    digests: dict[str, int] = {}
    after = ("", "")
    while page := await _page(client, after):
        for kind, key, at in page:
            known = profiles if kind == "profile" else digests
            known[key] = max(known.get(key, 0), int(at))
        after = page[-1][0], page[-1][1]
    return Subjects(profiles, digests)


async def _page(client: ClickHouse, after: tuple[str, str]) -> Sequence[Sequence[Any]]:
    return await client.query(
        "SELECT toString(kind) AS k, if(kind = 'profile', id, digest) AS key,"  # noqa: S608 - an identifier
        f" toUnixTimestamp64Milli(max(asked_at)) FROM {client.database}.erased_ids"
        " WHERE (k, key) > ({kind:String}, {key:String}) GROUP BY k, key"
        f" ORDER BY k, key LIMIT {_PAGE}",
        {"kind": after[0], "key": after[1]},
    )
