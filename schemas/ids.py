"""Ids: the client's kept, else derived, else drawn; and ids that headrace knows as its own."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

_NAMESPACE = UUID("6f1d3c1e-0c9e-5b0a-9d0e-68656164726e")
_NAMED = hashlib.sha1(_NAMESPACE.bytes, usedforsecurity=False)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEAD_BITS = 74
_SEAL_BITS = 48
_BLOCK = 64
_SIGNATURE_BYTES = 16
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def is_uuid(text: str) -> bool:
    """Tell whether text is a UUID in the canonical 8-4-4-4-12 form (RFC 9562, section 4)."""
    return _UUID.fullmatch(text) is not None


def event_id(source_id: str, message_id: str) -> str:
    """Fix the id of an event from the id its client gave.

    A UUID stays itself, so a retry carries it again; anything else becomes the UUIDv5
    (RFC 9562, section 5.5) of source and message id, so the same text collapses per source.
    """
    if is_uuid(message_id):
        return message_id.lower()
    # uuid.uuid5 says the same and takes four times as long
    digest = _NAMED.copy()
    digest.update(f"{source_id}\x00{message_id}".encode())
    text = digest.hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{variant}{text[17:20]}-{text[20:32]}"


def uuid7(now_ms: int, entropy: int) -> str:
    """Make a UUIDv7 (RFC 9562, section 5.7) from Unix time in ms and 74 random bits."""
    head = (now_ms & (1 << 48) - 1) << 80 | 0x7 << 76
    rand = entropy & (1 << 74) - 1
    return str(UUID(int=head | (rand >> 62) << 64 | 0b10 << 62 | rand & (1 << 62) - 1))


@dataclass(frozen=True, slots=True)
class Ids:
    """Issues ids that carry a seal, so that a forged one is told apart without a look-up.

    The 122 free bits of a UUIDv8 (RFC 9562, section 5.8) hold 74 bits derived from what the
    id stands for and a 48-bit seal over them, both keyed: guessing one id that passes takes
    2**47 requests on average.

    Args:
        secret: the installation's secret, the same on every tier; never logged.
    """

    secret: bytes = field(repr=False)

    def issue(self, *parts: str) -> str:
        """Derive the id that stands for ``parts``: same parts, same id."""
        digest = self._digest(b"id", "\x00".join(parts).encode("utf-8", "surrogatepass"))
        return self._seal(int.from_bytes(digest, "big") >> (256 - _HEAD_BITS))

    def is_own(self, text: str) -> bool:
        """Tell whether ``text`` is an id issued under this secret; constant time in the seal."""
        if not is_uuid(text):
            return False
        number = UUID(text).int
        head = (number >> 80) << 26 | (number >> 64 & 0xFFF) << 14 | number >> 48 & 0x3FFF
        return hmac.compare_digest(self._seal(head), text.lower())

    def sign(self, *parts: str) -> str:
        """Sign ``parts``, none of which holds a NUL: 128 bits as 22 letters of base64url."""
        data = "\x00".join(parts).encode("utf-8", "surrogatepass")
        signature = self._digest(b"sign", data)[:_SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(signature).rstrip(b"=").decode()

    def is_signed(self, signature: str, *parts: str) -> bool:
        """Tell whether :meth:`sign` made the signature of these parts; in constant time."""
        wanted = self.sign(*parts).encode()
        return hmac.compare_digest(wanted, signature.encode("utf-8", "surrogatepass"))

    def _seal(self, head: int) -> str:
        mac = self._digest(b"seal", head.to_bytes(10, "big"))
        seal = int.from_bytes(mac, "big") >> (256 - _SEAL_BITS)
        high = head >> 26 << 80 | 0x8 << 76 | (head >> 14 & 0xFFF) << 64
        return _spell(high | 0b10 << 62 | (head & 0x3FFF) << 48 | seal)

    def _digest(self, purpose: bytes, data: bytes) -> bytes:
        """HMAC-SHA-256 (RFC 2104) of ``purpose``, a zero byte and ``data``."""
        begun, end = _keyed(self.secret, purpose)
        inner, outer = begun.copy(), end.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()


@lru_cache(maxsize=8)
def _keyed(secret: bytes, purpose: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Begin both hashes of an HMAC: with that done once it costs a quarter."""
    key = secret if len(secret) <= _BLOCK else hashlib.sha256(secret).digest()
    key = key.ljust(_BLOCK, b"\x00")
    inner = hashlib.sha256(key.translate(_INNER) + purpose + b"\x00")
    return inner, hashlib.sha256(key.translate(_OUTER))


def _spell(number: int) -> str:
    """Write a UUID; as :class:`uuid.UUID` does, in a fraction of its time."""
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
