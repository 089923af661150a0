"""Whether a request is its sender's own: its signature checked over the bytes as they came."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Collection, Mapping
from hashlib import sha256
from itertools import product
from typing import Any, Final
from urllib.parse import urlencode

from schemas import codec, forms, times
from schemas.errors import Malformed, Refused
from schemas.reading import as_word
from schemas.signatures import Signature, key_of
from schemas.vendor import Request

VerifyKey = Callable[[str, bytes, bytes], bool]
"""Public key (Base64 of DER, or PEM), signature (DER) and what is signed -> whether it holds."""

_PART: Final = re.compile(r"\{([^{}]*)\}")
_PORT: Final = re.compile(r":[0-9]{1,5}$")
_MOST_SIGNATURES: Final = 10
"""Looked at in one header: a sender has one for each secret that is good at the moment."""
_BEARER: Final = "Bearer "
_LONGEST_TIME: Final = 15
"""Digits."""


def verify(
    signature: Signature, secrets: Collection[str], request: Request, address: str, by: VerifyKey
) -> None:
    """Let a request through that one of the secrets has signed.

    Args:
        secrets: in clear; several while they are rotated.
        address: path of the webhook, as its sender has it.
        by: verifies with a public key.

    Raises:
        Refused: ``signature-missing``, ``signature-wrong``, ``signature-expired`` (401).
    """
    found = _texts(signature.at, signature.field, request)
    if not found:
        message = f"the request has no signature in {_spell(signature.at, signature.field)}"
        raise Refused("signature-missing", message)
    urls = _urls(request, address) if "{url}" in signature.signed else [""]
    spelled = [b"".join(_parts(signature, request, url)) for url in urls]
    good = False
    for secret, signed in product(secrets, spelled):
        for text in found[:_MOST_SIGNATURES]:
            # no early end: how long it takes is not to say which of them was nearly right
            good = _holds(signature, secret, text, signed, by) | good
    if not good:
        message = "no secret of this webhook has signed the request: compare secret and declaration"
        raise Refused("signature-wrong", message)
    if signature.body_digest and not _is_digest(text_at(signature.body_digest, request), request):
        raise Refused("signature-wrong", "the body is not the one that was signed")
    if signature.tolerance:
        _check_time(signature, request)


def text_at(place: str, request: Request) -> str:
    """Read the text at a place; "" where there is none."""
    kind, _, name = place.partition(":")
    match kind:
        case "header":
            return request.headers.get(name.lower(), "").strip()
        case "query":
            return request.query.get(name, [""])[0]
        case "form":
            return as_word(_form(request).get(name))
        case _:
            return _in_json(request.body, name)


def _holds(signature: Signature, secret: str, text: str, signed: bytes, by: VerifyKey) -> bool:
    if signature.algorithm == "plain":
        shown = text.removeprefix(_BEARER).encode("utf-8", "surrogatepass")
        return hmac.compare_digest(secret.encode(), shown)
    if signature.algorithm == "ecdsa-sha256":
        return by(secret, _decoded(text, "base64"), signed)
    wanted = hmac.digest(key_of(signature, secret), signed, signature.algorithm)
    return hmac.compare_digest(wanted, _decoded(text, signature.encoding))


def _decoded(text: str, encoding: str) -> bytes:
    """Bytes of a signature; b"" for what is none, which no digest equals."""
    try:
        return bytes.fromhex(text) if encoding == "hex" else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _is_digest(text: str, request: Request) -> bool:
    """Compare a digest with the body; one that is not there is signed for not being there."""
    wanted = sha256(request.body).digest()
    return not text or hmac.compare_digest(wanted, _decoded(text, "hex"))


def _texts(place: str, field: str, request: Request) -> list[str]:
    """All texts at a place that may be the signature: ``t=1,v1=ab``, or ``v1,ab v1,cd``."""
    whole = text_at(place, request)
    if not field:
        return [whole] if whole else []
    pairs = [part.strip().partition("=") for part in whole.split(",")]
    pairs += [part.partition(",") for part in whole.split()]
    return [value.strip() for name, found, value in pairs if found and name == field and value]


def _parts(signature: Signature, request: Request, url: str) -> list[bytes]:
    parts: list[bytes] = []
    for odd, part in enumerate(_PART.split(signature.signed)):
        if not odd % 2:
            parts.append(part.encode())
        elif part == "body":
            parts.append(request.body)
        elif part == "timestamp":
            parts.append(_time(signature, request).encode())
        elif part == "url":
            parts.append(url.encode("utf-8", "surrogatepass"))
        elif part == "form":
            parts.append(_sorted(request).encode("utf-8", "surrogatepass"))
        elif part == "method":
            parts.append(request.method.encode())
        else:
            parts.append(text_at(part, request).encode("utf-8", "surrogatepass"))
    return parts


def _time(signature: Signature, request: Request) -> str:
    found = _texts(signature.timestamp, signature.timestamp_field, request)
    return found[0] if found else ""


def _check_time(signature: Signature, request: Request) -> None:
    text = _time(signature, request)
    plain = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_TIME
    at = times.from_number(int(text)) if plain else times.from_iso(text)
    if at is None:
        message = f"there is no time in {_spell(signature.timestamp, signature.timestamp_field)}"
        raise Refused("signature-missing", message)
    if abs(request.received_at - at) > signature.tolerance * 1000:
        message = (
            f"it was signed more than {signature.tolerance} s ago, or its clock or ours is wrong"
        )
        raise Refused("signature-expired", message)


def _urls(request: Request, address: str) -> list[str]:
    """Spell the address as the sender has it (RFC 3986); proxies say how they were reached.

    With the port as it came, without one, and with the usual one: Twilio signs any of these,
    whatever the address that it was told
    (twilio-python, ``tests/unit/test_request_validator.py``).
    """
    scheme = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip() or "http"
    host = request.headers.get("x-forwarded-host", "") or request.headers.get("host", "")
    query = urlencode([(name, value) for name in request.query for value in request.query[name]])
    path = f"{address}{'?' if query else ''}{query}"
    bare = _PORT.sub("", host.strip())
    usual = f"{bare}:{443 if scheme == 'https' else 80}"
    return [f"{scheme}://{each}{path}" for each in dict.fromkeys((host.strip(), bare, usual))]


def _sorted(request: Request) -> str:
    """Write the fields of a form as Twilio signs them: sorted, each name before its value."""
    written = []
    form = _form(request)
    for name in sorted(form):
        value = form[name]
        each = sorted(set(map(as_word, value))) if type(value) is list else [as_word(value)]
        written += [name + text for text in each]
    return "".join(written)


def _form(request: Request) -> Mapping[str, Any]:
    label = request.headers.get("content-type", "")
    try:
        boundary = forms.boundary_of(label)
        if boundary:
            return forms.multipart(request.body, boundary)
        return forms.urlencoded(request.body) if forms.is_urlencoded(label) else {}
    except Malformed:
        return {}


def _in_json(body: bytes, path: str) -> str:
    try:
        found = codec.loads(body)
    except Malformed:
        return ""
    for step in path.split("."):
        found = found.get(step) if type(found) is dict else None
    return str(found) if type(found) is int else as_word(found)


def _spell(place: str, field: str) -> str:
    return f"{place}, field {field}" if field else place
