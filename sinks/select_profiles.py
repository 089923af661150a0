"""A question about profiles -> SQL with its values as parameters. Pure."""

from typing import Any

from schemas.commands import SelectProfiles
from sinks.clickhouse import identifier

_NUMBER = "JSONExtract(traits_text, {order:String}, 'Nullable(Float64)')"
_TEXT = "JSONExtract(traits_text, {order:String}, 'Nullable(String)')"


def select_profiles(database: str, asked: SelectProfiles) -> tuple[str, dict[str, Any]]:
    """Write the query for user ids, traits as JSON, and first and last seen in Unix ms.

    Numbers are in their order and before texts; who has no such trait comes last.
    """
    parameters: dict[str, Any] = {
        "source": asked.source_id,
        "limit": asked.limit,
        "offset": asked.offset,
    }
    terms = ["has(source_ids, {source:String})", "notEmpty(user_ids)"]
    if asked.user:
        terms.append("has(user_ids, {user:String})")
        parameters["user"] = asked.user
    direction = "DESC" if asked.descending else "ASC"
    order = "last_seen DESC, profile_id"
    if asked.order:
        last = f"{direction} NULLS LAST"
        order = f"{_NUMBER} {last}, {_TEXT} {last}, profile_id"
        parameters["order"] = asked.order
    sql = (
        "SELECT user_ids, traits_text, toUnixTimestamp64Milli(first_seen),"  # noqa: S608 - an identifier
        f" toUnixTimestamp64Milli(last_seen) FROM {identifier(database)}.profiles"
        f" WHERE {' AND '.join(terms)} ORDER BY {order}"
        " LIMIT {limit:UInt32} OFFSET {offset:UInt32}"
    )
    return sql, parameters
