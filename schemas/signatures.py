"""Signatures of webhooks: declared as data; :mod:`schemas.signing` checks them.

What a sender signs and where it puts the signature differs from one to the next; the rest is
the same HMAC (RFC 2104). A declaration names the places, so that nobody writes code for it.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final, Literal

from schemas.errors import Malformed

Algorithm = Literal["sha256", "sha1", "sha512", "plain", "ecdsa-sha256"]
Encoding = Literal["hex", "base64"]
KeyEncoding = Literal["text", "base64", "hex"]

ALGORITHMS: Final = ("sha256", "sha1", "sha512", "plain", "ecdsa-sha256")
ENCODINGS: Final = ("hex", "base64")
KEY_ENCODINGS: Final = ("text", "base64", "hex")
CODE: Final = "webhook-invalid"
PLACE: Final = r"(?:header|query|form|json):[^\s{}]{1,200}"
SIGNED: Final = rf"^(?:[^{{}}]|\{{(?:body|timestamp|url|form|method|{PLACE})\}}){{1,500}}$"
MAX_TOLERANCE: Final = 86_400
MAX_FIELD: Final = 64
MAX_SIGNED: Final = 500
"""Characters."""

_PLACE: Final = re.compile(PLACE)
_SIGNED: Final = re.compile(SIGNED)
_SVIX: Final = "whsec_"


@dataclass(frozen=True, slots=True)
class Signature:
    """How a sender shows that a request is its own.

    Attributes:
        at: where the signature is: ``header:NAME``, ``query:NAME``, ``form:NAME`` of the body,
            or ``json:PATH`` of the body with dots.
        field: of a header such as ``t=1,v1=ab``, or ``v1,ab v1,cd`` (Standard Webhooks): the name
            before it; also a prefix such as ``sha256`` in ``sha256=ab``. "" where the whole text
            is the signature.
        algorithm: an HMAC by the name of its hash; ``plain``: the secret itself is sent;
            ``ecdsa-sha256``: the secret is the sender's public key.
        encoding: of the signature.
        signed: what is signed: text with ``{body}``, ``{timestamp}``, ``{url}``, ``{form}`` (all
            fields of a form, sorted, each name before its value), ``{method}`` and places.
        timestamp, timestamp_field: where the time of sending is, as ``at`` and ``field``.
        tolerance: seconds that it may differ from the edge's clock; 0 for any.
        key_encoding: how the secret is written.
        body_digest: place of the body's SHA-256 in hex, held against the body where it is there:
            some sign that in the place of the body.
    """

    at: str
    field: str = ""
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    signed: str = "{body}"
    timestamp: str = ""
    timestamp_field: str = ""
    tolerance: int = 0
    key_encoding: KeyEncoding = "text"
    body_digest: str = ""


def check(signature: Signature) -> None:
    """Refuse what cannot be; Malformed ``webhook-invalid``."""
    for name in ("at", "timestamp", "body_digest"):
        place = getattr(signature, name)
        if (place or name == "at") and not _PLACE.fullmatch(place):
            message = f"signature.{name} is header:NAME, query:NAME, form:NAME or json:PATH"
            raise _wrong(message)
    for name, words in (
        ("algorithm", ALGORITHMS),
        ("encoding", ENCODINGS),
        ("key_encoding", KEY_ENCODINGS),
    ):
        if getattr(signature, name) not in words:
            raise _wrong(f"signature.{name} is one of {', '.join(words)}")
    if len(signature.signed) > MAX_SIGNED or not _SIGNED.fullmatch(signature.signed):
        message = (
            "signature.signed is text with {body}, {timestamp}, {url}, {form}, {method} and "
            "places such as {header:x-id} or {json:a.b}"
        )
        raise _wrong(message)
    if max(len(signature.field), len(signature.timestamp_field)) > MAX_FIELD:
        raise _wrong(f"a field's name has at most {MAX_FIELD} characters")
    if "{timestamp}" in signature.signed and not signature.timestamp:
        raise _wrong("signature.signed has {timestamp}: say where it is in signature.timestamp")
    if not 0 <= signature.tolerance <= MAX_TOLERANCE:
        raise _wrong(f"signature.tolerance is 0 to {MAX_TOLERANCE} seconds")
    if signature.tolerance and not signature.timestamp:
        raise _wrong("signature.tolerance needs signature.timestamp, the place of the time")


def check_secret(signature: Signature | None, secret: str) -> None:
    """Refuse a secret that cannot be read as declared; Malformed ``webhook-invalid``."""
    if not secret.strip():
        raise _wrong("a secret is not empty")
    if signature is not None and signature.algorithm != "ecdsa-sha256":
        key_of(signature, secret)


def key_of(signature: Signature, secret: str) -> bytes:
    """Read a secret as declared; Malformed ``webhook-invalid`` where it is not so written."""
    if signature.key_encoding == "text":
        return secret.encode()
    try:
        text = secret.removeprefix(_SVIX)
        if signature.key_encoding == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise _wrong(f"the secret is not {signature.key_encoding}") from error


def _wrong(message: str) -> Malformed:
    return Malformed(CODE, message, where=("signature",))
