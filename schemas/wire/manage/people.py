"""People and erasures as ``/api`` and the command line word them."""

from dataclasses import asdict
from typing import Final

from schemas.events import iso
from schemas.openapi import STRING, answer, array, operation, parameter, record, ref, refusals
from schemas.people import EraseProfile, Erasure, FindProfiles, ListErasures, Person
from schemas.reading import JsonObject
from schemas.vendor import Request, Route

_ERASURES: Final = "/api/erasures"
_PROFILE: Final = "/api/sources/{source_id}/profiles/{profile_id}"
_TIME: Final[JsonObject] = {"type": "string", "format": "date-time"}
_COUNT: Final[JsonObject] = {"type": "integer", "minimum": 0}
_IDS: Final = array(STRING)

ROUTES: Final = (
    Route(_PROFILE, "profile", ("GET", "DELETE"), max_bytes=1 << 20, purpose="call"),
    Route(_ERASURES, "erasures", ("GET",), max_bytes=1 << 20, purpose="call"),
)


def command(request: Request) -> FindProfiles | EraseProfile | ListErasures:
    """Say what is to be done."""
    if request.endpoint == "erasures":
        return ListErasures()
    source_id, named = request.path["source_id"], request.path["profile_id"]
    if request.method == "DELETE":
        return EraseProfile(source_id, named)
    return FindProfiles(named, source_id)


def worded(result: Person | Erasure) -> JsonObject:
    """Write a profile or an erasure as JSON; times are ISO 8601, null for not yet."""
    record = asdict(result)
    for name, value in record.items():
        if name.endswith(("_at", "_seen")):
            record[name] = iso(value) if value else None
    return record


SCHEMAS: Final[dict[str, JsonObject]] = {
    "HeadraceProfile": record(
        {
            "profile_id": STRING,
            "source_ids": _IDS,
            "members": {**_IDS, "description": "Profiles that are one with it, itself included."},
            "ids": {"type": "object", "additionalProperties": _IDS},
            "groups": {"type": "object", "additionalProperties": STRING},
            "traits": {"type": "object"},
            "first_seen": _TIME,
            "last_seen": _TIME,
        },
        ("profile_id", "members", "ids", "traits"),
    ),
    "HeadraceErasure": record(
        {
            "erasure_id": STRING,
            "asked_at": {**_TIME, "description": "What is received later is accepted."},
            "profiles": {**_COUNT, "description": "Profiles that it is of."},
            "events": {**_COUNT, "description": "Rows of events that were deleted."},
            "state": {
                "type": "string",
                "enum": ["asked", "hidden", "verified"],
                "description": "asked: noted, dead letters and merges are being looked through; "
                "hidden: no query finds anything; verified: out of the files, counted.",
            },
            "hidden_at": {**_TIME, "type": ["string", "null"]},
            "verified_at": {**_TIME, "type": ["string", "null"]},
            "survivors": {**_COUNT, "description": "Rows that were counted last."},
        },
        ("erasure_id", "asked_at", "profiles", "events", "state"),
    ),
}


def operations(security: str) -> dict[tuple[str, str], JsonObject]:
    """Describe the calls, for ``/openapi.json``."""
    text = "a profile's id, or that of a user or a visitor; to look for, also an address"
    place = (
        parameter("source_id", STRING, place="path"),
        parameter("profile_id", {"type": "string", "minLength": 1}, text, place="path"),
    )
    refused = refusals(ref("HeadraceError"), 400, 401, 404)
    found = record({"profiles": array(ref("HeadraceProfile"))}, ("profiles",))
    listed = record({"erasures": array(ref("HeadraceErasure"))}, ("erasures",))
    return {
        ("GET", _PROFILE): operation(
            "show-profile",
            "Profiles that have this id",
            {"200": answer("All of them.", found), **refused},
            parameters=place,
            security=security,
        ),
        ("DELETE", _PROFILE): operation(
            "erase-profile",
            "Erase a person, and what is still on its way",
            {"202": answer("It goes on.", ref("HeadraceErasure")), **refused},
            parameters=place,
            security=security,
        ),
        ("GET", _ERASURES): operation(
            "list-erasures",
            "All erasures, and how far they are",
            {"200": answer("The youngest first.", listed), **refusals(ref("HeadraceError"), 401)},
            security=security,
        ),
    }
