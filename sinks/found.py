"""Profiles found by any of their ids."""

from typing import Any, Final

from schemas import codec
from schemas.people import Person
from sinks.clickhouse import ClickHouse

MOST: Final = 100
_ASKING: Final = {"readonly": 2, "max_execution_time": 10}


async def find(
    client: ClickHouse, named: str, also: str, source_id: str = ""
) -> tuple[Person, ...]:
    """Look for profiles, those seen last first.

    Args:
        named: a profile's id, or one of its ids of whatever kind.
        also: the profile that ``named`` goes on as, if it is one.
        source_id: that knows them, "" for any.

    Raises:
        Failed: ClickHouse does not answer.
    """
    terms = [f"has({each}, {{named:String}})" for each in _IDS]
    known = " OR ".join(["profile_id IN ({named:String}, {also:String})", *terms])
    only = " AND has(source_ids, {source:String})" if source_id else ""
    rows = await client.query(
        "SELECT profile_id, source_ids, members, ids, groups, traits_text,"  # noqa: S608 - identifiers
        " toUnixTimestamp64Milli(first_seen), toUnixTimestamp64Milli(last_seen)"
        f" FROM {client.database}.profile_states FINAL WHERE kind = 'profile' AND changes > 0"
        f" AND ({known}){only} ORDER BY last_seen DESC, profile_id LIMIT {MOST}",
        {"named": named, "also": also, "source": source_id},
        _ASKING,
    )
    return tuple(map(_person, rows))


_IDS: Final = ("user_ids", "anonymous_ids", "emails", "phones")


def _person(row: Any) -> Person:
    profile_id, sources, members, ids, groups, traits, first, last = row
    return Person(
        str(profile_id),
        tuple(sources),
        tuple(members),
        {kind: tuple(found) for kind, found in ids.items()},
        dict(groups),
        codec.loads(traits),
        int(first),
        int(last),
    )
