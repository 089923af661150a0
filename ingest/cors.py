"""Cross-origin answers: mirrored, because trackers send cookies and ``*`` is void with them; pure.

Which origins may send is the event source's setting. A pre-flight has no body and so no source
yet: it is always let through, and the request that follows is judged by its source.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from ingest.asgi import Headers

_VARY: Final = (b"vary", b"Origin")
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


def preflight(headers: Mapping[str, str], methods: Iterable[str]) -> Headers:
    """Answer an OPTIONS request: every requested header is allowed by being named."""
    listed = ", ".join([*sorted(methods), "OPTIONS"]).encode()
    answer: Headers = [(b"allow", listed), (b"content-length", b"0")]
    origin = headers.get("origin", "")
    if not origin:
        return answer
    answer += allow(origin)
    answer += [(b"access-control-allow-methods", listed), _MAX_AGE]
    requested = headers.get("access-control-request-headers", "")
    if requested and _mirrorable(requested):
        answer.append((b"access-control-allow-headers", requested.encode()))
    return answer


def _mirrorable(text: str) -> bool:
    return len(text) <= _LONGEST and text.isascii() and text.isprintable()
