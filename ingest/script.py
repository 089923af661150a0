"""headrace.js as it is served to pages: built before, read once, answered from memory."""

import gzip
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Final

PATHS: Final = ("/headrace.js", "/tracker/headrace.js", "/tracker/liliput.min.js")
"""Where pages find it; Tracardi's have the last one in their snippet."""
_CACHE: Final = "public, max-age=3600, stale-while-revalidate=86400"
"""An hour, as pages cannot name a version; then what is cached goes on while it is asked anew."""


class Script:
    """The script and the headers that every page may have it with.

    Args:
        source: JavaScript.
    """

    def __init__(self, source: bytes) -> None:
        self._plain = source
        self._gzipped = gzip.compress(source, 9, mtime=0)
        self._tag = f'W/"{hashlib.sha256(source).hexdigest()[:32]}"'

    def answer(self, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Give status, headers and body for the headers of a request, names in lower case.

        A page that has it already is told so (RFC 9110, section 13.1.2).
        """
        said = {
            "access-control-allow-origin": "*",
            "cache-control": _CACHE,
            "cross-origin-resource-policy": "cross-origin",
            "etag": self._tag,
            "timing-allow-origin": "*",
            "vary": "Accept-Encoding",
        }
        known = {tag.strip() for tag in headers.get("if-none-match", "").split(",")}
        if self._tag in known or "*" in known:
            return 304, said, b""
        said["content-type"] = "text/javascript; charset=utf-8"
        said["x-content-type-options"] = "nosniff"
        if "gzip" in headers.get("accept-encoding", ""):
            return 200, said | {"content-encoding": "gzip"}, self._gzipped
        return 200, said, self._plain


def packaged() -> bytes:
    """Read the script that this package was built with; FileNotFoundError when it was not."""
    return resources.files("ingest").joinpath("tracker", "headrace.js").read_bytes()
