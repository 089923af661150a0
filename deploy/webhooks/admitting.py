"""What the edge needs to let requests of webhooks in: their secrets in clear, and public keys."""

import base64
import binascii
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from deploy.sealing import unseal
from deploy.settings import Settings
from ingest.hooks import Hooks
from schemas.ids import Ids
from schemas.webhooks import Webhook, Webhooks

SEALED_FOR: Final = "webhook"
_PEM: Final = "-----BEGIN"


def hooks_of(
    settings: Settings, webhooks: Callable[[], Webhooks], new_id: Callable[[], str]
) -> Hooks:
    """Make the edge's part of webhooks."""
    return Hooks(webhooks, reveal=Secrets(settings.ids()), by=verify_key, new_id=new_id)


class Secrets:
    """Opens sealed secrets, each once: they are needed for every request."""

    def __init__(self, ids: Ids) -> None:
        self._open = lru_cache(maxsize=1024)(
            lambda sealed, webhook_id, secret_id: unseal(
                ids, sealed, SEALED_FOR, webhook_id, secret_id
            )
        )

    def __call__(self, webhook: Webhook) -> tuple[str, ...]:
        """Give the secrets of a webhook in clear.

        Raises:
            Malformed: ``secret-unreadable``.
        """
        return tuple(self._open(each.sealed, webhook.id, each.id) for each in webhook.secrets)


def verify_key(key: str, signature: bytes, signed: bytes) -> bool:
    """Verify ECDSA with SHA-256 (FIPS 186-4) by a public key in PEM, or Base64 of its DER."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - few need it
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above

    public = _public_key(key)
    if public is None:
        return False
    try:
        public.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _public_key(key: str) -> Any:
    """Read a public key on a curve; None for what is none."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

    try:
        if key.lstrip().startswith(_PEM):
            found = serialization.load_pem_public_key(key.encode())
        else:
            found = serialization.load_der_public_key(base64.b64decode(key, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, ec.EllipticCurvePublicKey) else None
