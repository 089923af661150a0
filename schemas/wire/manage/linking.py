"""``POST /api/sources/{id}/links``: links and pixels for one recipient or for many."""

from dataclasses import asdict, replace
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.openapi import PLAIN, STRING, array, record, ref, text
from schemas.reading import MAX_ID, MAX_NAME, JsonObject, as_object, as_whole
from schemas.signed import MAX_TARGET, Link, MadeLink, MakeLinks, check
from schemas.source_fields import as_plain, refuse_others
from schemas.vendor import Reply, Request

MAX_RECIPIENTS: Final = 1_000
MAX_TIME_MS: Final = 4_102_444_799_999
"""The end of the year 2099."""
_CODE: Final = "link-invalid"
_TEXTS: Final = ("to", "campaign", "recipient", "event_type", "open_type")
_FIELDS: Final = (*_TEXTS, "recipients", "properties", "expires_at")


def command(source_id: str, fields: JsonObject) -> MakeLinks:
    """Read what links are wanted.

    Raises:
        Malformed: ``link-invalid``, json-too-deep or too-many-keys.
    """
    refuse_others(fields, _FIELDS, "a link", _CODE)
    given = {name: as_plain(fields.get(name, ""), name, MAX_TARGET, _CODE) for name in _TEXTS}
    expires_at = as_whole(fields.get("expires_at", 0))
    if type(expires_at) is not int:
        raise _invalid("expires_at", "expires_at must be Unix ms, or 0 for never")
    link = Link(
        given["to"],
        given["campaign"],
        given["recipient"],
        given["event_type"],
        as_object(fields.get("properties", {}), ("body", "properties"), _CODE),
        expires_at,
    )
    check(link)
    recipients = _recipients(fields, link.recipient)
    links = tuple(replace(link, recipient=each) for each in recipients)
    return MakeLinks(source_id, links, given["open_type"])


def answer(made: tuple[MadeLink, ...], request: Request) -> Reply:
    """Word the links; where no setting says how people reach the ingest, as the caller did."""
    host = request.headers.get("host", "")
    secure = request.headers.get("x-forwarded-proto", "").strip().lower().startswith("https")
    place = f"{'https' if secure else 'http'}://{host}" if host else ""
    return Reply(200, codec.dumps(worded(made, place)))


def worded(made: tuple[MadeLink, ...], at: str = "") -> JsonObject:
    """Write links as JSON; ``at`` stands before those that are paths."""
    return {"links": [{n: _whole(v, at) for n, v in asdict(each).items()} for each in made]}


def _whole(text: str, at: str) -> str:
    return at + text if text[:3] in {"/l/", "/o/"} else text


def _recipients(fields: JsonObject, only: str) -> list[str]:
    if "recipients" not in fields:
        return [only]
    given: Any = fields["recipients"]
    if type(given) is not list or not 0 < len(given) <= MAX_RECIPIENTS:
        raise _invalid("recipients", f"recipients is a list of 1 to {MAX_RECIPIENTS} texts")
    first = [only] if only else []
    return first + [as_plain(each, "recipients", MAX_ID, _CODE) for each in given]


def _invalid(name: str, message: str) -> Malformed:
    return Malformed(_CODE, message, where=(name,))


_NAME: Final = text(MAX_NAME, pattern=PLAIN)
SCHEMAS: Final[dict[str, JsonObject]] = {
    "HeadraceNewLinks": record(
        {
            "to": {
                **text(MAX_TARGET, pattern=PLAIN),
                "description": "Where a click leads, http or https; without it there is no link.",
            },
            "campaign": _NAME,
            "recipient": text(MAX_ID, pattern=PLAIN, description="Id of the user."),
            "recipients": array(
                text(MAX_ID, pattern=PLAIN),
                minItems=1,
                maxItems=MAX_RECIPIENTS,
                description="A link and a pixel for each, behind those of `recipient`.",
            ),
            "event_type": _NAME,
            "open_type": _NAME,
            "properties": {"type": "object", "description": "At most 2,048 bytes."},
            "expires_at": {"type": "integer", "minimum": 0, "maximum": MAX_TIME_MS},
        },
        others=False,
    ),
    "HeadraceLinks": record(
        {
            "links": array(
                record(
                    {"recipient": STRING, "link": STRING, "pixel": STRING},
                    ("recipient", "link", "pixel"),
                )
            )
        },
        ("links",),
    ),
}
ANSWER: Final = ref("HeadraceLinks")
