"""Cross-origin answers: mirrored, because trackers send cookies and ``*`` is void with them; pure.

Which origins may send is the event source's setting. A pre-flight has no body, and so no source
unless its path names one: it is let through then, and its source judges the request that follows.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from ingest.asgi import Headers

_VARY: Final = (b"vary", b"Origin")
_VARY_PREFLIGHT: Final = (
    b"vary",
    b"Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
)
_CREDENTIALS: Final = (b"access-control-allow-credentials", b"true")
_MAX_AGE: Final = (b"access-control-max-age", b"86400")
_LONGEST: Final = 1024


def allow(origin: str) -> Headers:
    """Headers that let a page of this origin read the answer; [] when no page asks."""
    if not origin:
        return []
    if not _mirrorable(origin):
        return [_VARY]
    return [
        (b"access-control-allow-origin", origin.encode()),
        _CREDENTIALS,
        _VARY,
    ]


def deny(origin: str) -> Headers:
    """Headers for a page that may not read the answer."""
    return [_VARY] if origin else []


def expose(names: Iterable[str]) -> Headers:
    """Headers that let the page's script read these headers of the answer, too.

    Each is named, because ``*`` means nothing when cookies are sent.
    """
    listed = ", ".join(names)
    return [(b"access-control-expose-headers", listed.encode("latin-1"))] if listed else []


def preflight(headers: Mapping[str, str], methods: Iterable[str], *, allowed: bool) -> Headers:
    """Answer an OPTIONS request: every requested header is allowed by being named.

    Args:
        allowed: False when the origin is known to be refused.
    """
    listed = ", ".join([*methods, "OPTIONS"]).encode()
    answer: Headers = [(b"allow", listed), (b"content-length", b"0")]
    origin = headers.get("origin", "")
    if not origin:
        return answer
    if not allowed:
        return answer + deny(origin)
    answer += [header for header in allow(origin) if header is not _VARY]
    answer += [_VARY_PREFLIGHT, (b"access-control-allow-methods", listed), _MAX_AGE]
    requested = headers.get("access-control-request-headers", "")
    if requested and _mirrorable(requested):
        answer.append((b"access-control-allow-headers", requested.encode()))
    if headers.get("access-control-request-private-network") == "true":
        answer.append((b"access-control-allow-private-network", b"true"))
    return answer


def _mirrorable(text: str) -> bool:
    return len(text) <= _LONGEST and text.isascii() and text.isprintable()
