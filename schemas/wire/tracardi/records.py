"""Tracardi's record of an event source <-> headrace's."""

import re
from typing import Any, Final, cast

from schemas.errors import Malformed
from schemas.events import iso
from schemas.reading import (
    MAX_ID,
    MAX_NAME,
    JsonObject,
    as_object,
    as_text,
    optional_object,
    optional_text,
    required,
)
from schemas.sources import Bridge, Source
from schemas.wire.tracardi.payload import MODEL

TYPES: Final[dict[str, JsonObject]] = {
    "rest": {"name": "REST API Bridge", "tags": ["rest", "inbound"]},
    "webhook": {"name": "Webhook Bridge", "tags": ["webhook", "inbound"]},
    "redirect": {"name": "Redirect Bridge", "tags": ["redirect", "inbound"]},
}
"""The types of bridge that there are here, by Tracardi's names."""
BRIDGES: Final[dict[str, JsonObject]] = {
    "rest": {"id": "778ded05-4ff3-4e08-9a86-72c0195fa95d", "name": "REST API Bridge"},
    "webhook": {"id": "3d8bb87e-28d1-4a38-b19c-d0c1fbb71e22", "name": "API Webhook Bridge"},
    "redirect": {"id": "a495159f-91be-476d-a4e5-1b2d7e005403", "name": "Redirect URL Bridge"},
}
"""Ids of Tracardi's built-in bridges."""

_LONGEST_TEXT: Final = 4_096
_LONGEST_SLUG: Final = 63
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")
_SWITCHES: Final = (
    ("enabled", "enabled", True),
    ("transitional", "transitional", False),
    ("requires_consent", "requires_consent", False),
    ("returns_profile", "returns_profile", False),
)
_CONFIG_SWITCHES: Final = (
    ("static_profile_id", "static_profile_ids", False),
    ("generate_profile", "generate_profile", False),
    ("sticky_session", "sticky_session", True),
)


def fields_of(record: JsonObject) -> JsonObject:
    """Read a record as its model does; fields that headrace has no use for are ignored.

    Without an id the name becomes one. What a record does not mention gets Tracardi's default.

    Raises:
        Malformed: names the first field that its model, or headrace, would refuse.
    """
    where = ("body",)
    name = as_text(required(record, "name", where), (*where, "name"), MAX_NAME)
    bridge = as_object(required(record, "bridge", where), (*where, "bridge"), MODEL)
    for part in ("id", "name"):
        as_text(required(bridge, part, (*where, "bridge")), (*where, "bridge", part))
    given = optional_text(record.get("id"), (*where, "id"), MAX_ID).lower()
    config = optional_object(record.get("config"), (*where, "config"))
    fields: JsonObject = {
        "id": given or _slug(name),
        "name": name,
        "bridge": _bridge(required(record, "type", where)),
        "channel": optional_text(record.get("channel"), (*where, "channel"), MAX_NAME),
        "description": optional_text(
            record.get("description"), (*where, "description"), _LONGEST_TEXT
        ),
        "replace_profile_id": optional_text(
            config.get("replace_profile_id"), (*where, "config", "replace_profile_id"), MAX_NAME
        ),
    }
    for holder, switches, prefix in (
        (record, _SWITCHES, where),
        (config, _CONFIG_SWITCHES, (*where, "config")),
    ):
        for theirs, ours, default in switches:
            fields[ours] = _switch(holder.get(theirs), (*prefix, theirs), default)
    return fields


def record_of(source: Source) -> JsonObject:
    """Write a source as Tracardi would."""
    bridge = source.bridge
    config: JsonObject = {}
    if bridge == "rest":
        config = {"static_profile_id": source.static_profile_ids}
    elif bridge == "webhook":
        config = {
            "generate_profile": source.generate_profile,
            "replace_profile_id": source.replace_profile_id,
            "sticky_session": source.sticky_session,
        }
    return {
        "id": source.id,
        "name": source.name or source.id,
        "type": [bridge],
        "bridge": BRIDGES.get(bridge, {"id": bridge, "name": bridge}),
        "timestamp": iso(source.created_at),
        "description": source.description,
        "channel": source.channel,
        "enabled": source.enabled,
        "transitional": source.transitional,
        "requires_consent": source.requires_consent,
        "returns_profile": source.returns_profile,
        "permanent_profile_id": False,
        "synchronize_profiles": True,
        "locked": False,
        "tags": [],
        "groups": [],
        "manual": None,
        "config": config,
    }


def _bridge(value: Any) -> Bridge:
    """Take the one type of a source that headrace can serve."""
    kinds = [value] if isinstance(value, str) else value
    where = ("body", "type")
    if not isinstance(kinds, list):
        raise Malformed("list-type", "type is a list of bridge types", where=where)
    if len(kinds) != 1:
        raise Malformed(
            "value-error", "an event source has one type here: make one for each", where=where
        )
    (kind,) = kinds
    if not isinstance(kind, str) or kind not in TYPES:
        raise Malformed("value-error", f"type is one of {list(TYPES)}", where=(*where, 0))
    return cast("Bridge", kind)


def _switch(value: Any, where: tuple[str, ...], default: bool) -> bool:
    if value is None:
        return default
    if type(value) is not bool:
        raise Malformed("bool-type", f"{where[-1]} is true or false", where=where)
    return value


def _slug(name: str) -> str:
    slug = _NO_SLUG.sub("-", name.lower()).strip("-")[:_LONGEST_SLUG]
    if not slug:
        raise Malformed("missing", "give an id: the name makes none", where=("body", "id"))
    return slug
