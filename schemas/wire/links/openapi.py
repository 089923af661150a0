"""What links and pixels answer, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import STRING, Description, answer, operation, parameter, record, ref, refusals
from schemas.reading import JsonObject
from schemas.wire.links.edge import COOKIE

_TEXT: Final = """\
Links and pixels for e-mails and adverts, made by `headrace links make` or \
`POST /api/sources/{source_id}/links`. Each carries its event and where it leads, signed: a \
changed one leads nowhere. Whoever follows one that is right is sent on whatever becomes of the \
event.
"""
_ERROR: Final = record(
    {"error": record({"code": STRING, "message": STRING}, ("code", "message"))}, ("error",)
)
_PARAMETERS: Final = (
    parameter("source", STRING, "The event source.", place="path"),
    parameter("token", STRING, "What is recorded, and its signature.", place="path"),
    parameter(COOKIE, STRING, "The session.", place="cookie"),
)
_SESSION: Final[dict[str, JsonObject]] = {"Set-Cookie": {"schema": STRING}}
_REFUSED: Final = refusals(
    ref("LinksError"), 401, 403, 404, 410, 429, of={410: "The link has expired."}
)

DESCRIPTION: Final = Description(
    title="Links and pixels",
    text=_TEXT,
    operations={
        ("GET", "/l/{source}/{token}"): operation(
            "click",
            "A link: a visit is an event",
            {
                "302": answer("Onward.", None, {"Location": {"schema": STRING}, **_SESSION}),
                **_REFUSED,
            },
            parameters=_PARAMETERS,
        ),
        ("GET", "/o/{source}/{token}.gif"): operation(
            "open",
            "A pixel: that it is shown is an event",
            {"200": answer("One point.", {"image/gif": STRING}, _SESSION), **_REFUSED},
            parameters=_PARAMETERS,
        ),
    },
    schemas={"LinksError": _ERROR},
)
