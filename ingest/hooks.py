"""Requests of webhooks at the edge: known, signed as declared, and written down as they came."""

from collections.abc import Callable
from typing import Final

from schemas import hooked
from schemas.errors import Malformed, Refused, Unavailable
from schemas.reading import MAX_ID
from schemas.signing import VerifyKey, text_at, verify
from schemas.vendor import Hooked, Request
from schemas.webhooks import Webhook, Webhooks

Reveal = Callable[[Webhook], tuple[str, ...]]
"""Opens the sealed secrets of a webhook; Malformed ``secret-unreadable`` where it cannot."""

_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403


class Hooks:
    """Lets requests of webhooks in; see :class:`schemas.vendor.Hooks`.

    Args:
        webhooks: all that are known at present; Unavailable while that is not known.
        by: verifies with a public key.
        new_id: draws a UUIDv7 as text.
    """

    def __init__(
        self,
        webhooks: Callable[[], Webhooks],
        *,
        reveal: Reveal,
        by: VerifyKey,
        new_id: Callable[[], str],
    ) -> None:
        self._webhooks = webhooks
        self._reveal = reveal
        self._by = by
        self._new_id = new_id

    def collecting(self, source_id: str) -> str:
        """Name the webhook that a source's ``/collect`` goes through; "" for none."""
        found = self._webhooks().collecting(source_id)
        return found.id if found else ""

    def admit(self, webhook_id: str, source_id: str, request: Request, address: str) -> Hooked:
        """Let a request in.

        Raises:
            Refused: ``webhook-unknown`` (404), ``webhook-disabled``, ``webhook-inactive`` (403),
                ``signature-missing``, ``signature-wrong``, ``signature-expired`` (401).
            Unavailable: ``webhooks-unknown`` or ``secret-unreadable``.
        """
        webhook = self._webhooks().get(webhook_id)
        if webhook is None or webhook.source != source_id:
            message = "this source has no such webhook: `headrace webhooks list` shows all"
            raise Refused("webhook-unknown", message, status=_NOT_FOUND)
        if not webhook.enabled:
            raise Refused("webhook-disabled", "this webhook is disabled", status=_FORBIDDEN)
        if not webhook.active:
            message = f"activate a version: headrace webhooks activate {webhook.id}"
            raise Refused("webhook-inactive", message, status=_FORBIDDEN)
        if webhook.signature is not None:
            secrets = self._secrets(webhook)
            verify(webhook.signature, secrets, request, address, self._by)
        echo = text_at(webhook.echo, request) if webhook.echo else ""
        draft = hooked.draft_of(webhook, request, self._new_id())
        return Hooked(draft, hooked.shared_of(webhook), webhook.answer, echo[:MAX_ID])

    def _secrets(self, webhook: Webhook) -> tuple[str, ...]:
        try:
            return self._reveal(webhook)
        except Malformed as error:
            raise Unavailable(error.code, error.message) from error
