"""Secrets that must be used again: sealed under the installation's own before they are kept.

AES-256-GCM (NIST SP 800-38D) with a key derived by HKDF (RFC 5869) from ``HEADRACE_SECRET``. What
a secret belongs to is sealed with it, so that nobody who can write a record moves it to another.
"""

import base64
import binascii
import os
from collections.abc import Callable
from typing import Final

from deploy.settings import SettingError, Settings
from schemas.errors import Malformed, Unavailable
from schemas.ids import Ids

_VERSION: Final = "s1."
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_INFO: Final = b"headrace sealed secrets"


def sealing(settings: Settings) -> Callable[..., str]:
    """Give a :func:`seal` under the installation's secret, which is looked for when it is called.

    What it gives raises Unavailable ``secret-missing`` where the installation has none.
    """

    def under_the_secret(text: str, *about: str) -> str:
        try:
            ids = settings.ids()
        except SettingError as error:
            raise Unavailable("secret-missing", str(error)) from error
        return seal(ids, text, *about)

    return under_the_secret


def seal(ids: Ids, text: str, *about: str) -> str:
    """Seal a text; each call gives another one.

    Args:
        about: what it belongs to and is for, such as a source's id and a field's name.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - few need it

    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(_key(ids)).encrypt(nonce, text.encode(), _about(about))
    return _VERSION + base64.urlsafe_b64encode(nonce + sealed).decode()


def unseal(ids: Ids, sealed: str, *about: str) -> str:
    """Give back what :func:`seal` was given.

    Raises:
        Malformed: ``secret-unreadable``: it was changed, belongs to something else, or was sealed
            under another ``HEADRACE_SECRET``.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

    message = (
        f"the secret of {' '.join(about)} was sealed under another HEADRACE_SECRET: set it anew"
    )
    if not sealed.startswith(_VERSION):
        raise Malformed("secret-unreadable", message)
    try:
        data = base64.urlsafe_b64decode(sealed.removeprefix(_VERSION))
        nonce, rest = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
        return AESGCM(_key(ids)).decrypt(nonce, rest, _about(about)).decode()
    except (InvalidTag, ValueError, binascii.Error) as error:
        raise Malformed("secret-unreadable", message) from error


def _key(ids: Ids) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above

    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=_INFO).derive(ids.secret)


def _about(parts: tuple[str, ...]) -> bytes:
    return "\0".join(parts).encode()
