"""The batch's checksum: MD5 over the key, version, time and the raw bytes of the events."""

import hashlib
import re
from typing import Final

from schemas import codec
from schemas.errors import Malformed
from schemas.reading import JsonObject

_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_COLON: Final = re.compile(rb"\s*:")


def verify(api: JsonObject, key: str, body: bytes) -> None:
    """Compare ``api.checksum`` when there is one, in any letter case.

    The bytes are those that were sent: re-serialised JSON has other spaces and numbers.

    Raises:
        Malformed: ``checksum-invalid``.
    """
    checksum = api.get("checksum")
    if checksum is None:
        return
    digest = hashlib.md5(key.encode("utf-8", "surrogatepass"), usedforsecurity=False)
    for name, before_2016 in (("api_version", "apiVersion"), ("upload_time", "uploadTime")):
        part = _decimal(api.get(name, api.get(before_2016)))
        digest.update(part.encode("utf-8", "surrogatepass"))
    digest.update(member(body, "events"))
    if not isinstance(checksum, str) or checksum.lower() != digest.hexdigest():
        raise Malformed("checksum-invalid", "Checksum is invalid", where=("body", "api"))


def member(document: bytes, name: str) -> bytes:
    """Cut the array of a top-level member out of a valid JSON object, brackets included.

    Only strings and brackets matter to nesting, so only they are looked at. Of a repeated
    member the last counts, as in the parsed value.
    """
    depth, start, found = 0, -1, b""
    for token in _TOKEN.finditer(document):
        head = token[0][:1]
        if head in b"[{":
            depth += 1
        elif head in b"]}":
            depth -= 1
            if depth == 1 and start >= 0:
                found, start = document[start : token.end()], -1
        elif depth == 1:
            colon = _COLON.match(document, token.end())
            if colon and codec.loads(token[0]) == name:
                start = colon.end()
    return found.lstrip()


def _decimal(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(int(value)) if isinstance(value, float) else str(value)


def count(document: bytes, name: str) -> int:
    """Count how often a valid JSON object gives a top-level member."""
    depth, found = 0, 0
    for token in _TOKEN.finditer(document):
        head = token[0][:1]
        if head in b"[{":
            depth += 1
        elif head in b"]}":
            depth -= 1
        elif depth == 1 and codec.loads(token[0]) == name:
            found += _COLON.match(document, token.end()) is not None
    return found
