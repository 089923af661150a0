"""Requests of webhooks -> the events that their scripts make of them, ahead of all other steps."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from processors.bury import Record
from processors.steps.decode import Vendors, decode
from schemas import codec, envelope, hooked
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.sandbox import TIME, OpenScript, Script, ScriptError
from schemas.webhooks import Webhook, Webhooks

FUNCTION: Final = "headraceWebhook"
SUSPENDED: Final = "script-suspended"
MOST_IN_A_ROW: Final = 5
SUSPENDED_MS: Final = 60_000
MOST_BYTES: Final = 16 << 20
"""Of all events that one record's requests become."""
_NO_VERSION: Final = "webhook-inactive"


@dataclass(frozen=True, slots=True)
class Requested:
    """A request that was understood, and how many events it became."""

    raw: RawEvent
    events: int


@dataclass(slots=True)
class Unfolded:
    """The lines of a record with events in the place of requests.

    Attributes:
        lines: each as it is, or with the reason why it cannot be unfolded.
    """

    lines: list[bytes | tuple[bytes, Exception]] = field(default_factory=list)
    requests: list[Requested] = field(default_factory=list)


@dataclass(slots=True)
class _Running:
    """A version that is ready to be called.

    Attributes:
        late: how often in a row it did not end in time.
        until: it is not called before, Unix ms.
    """

    webhook: Webhook
    script: Script
    late: int = 0
    until: int = 0


class Unfold:
    """Runs the scripts of webhooks; nothing is done for sources without one.

    Args:
        webhooks: all that are known at present.
        sandbox: makes a script ready.
        behind: JavaScript that is put behind each script, and has the function that is called.
        clock: Unix ms, for suspensions only.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        sandbox: OpenScript,
        vendors: Vendors,
        *,
        behind: str,
        clock: Callable[[], int],
    ) -> None:
        self._webhooks = webhooks
        self._sandbox = sandbox
        self._vendors = vendors
        self._behind = behind
        self._clock = clock
        self._running: dict[str, _Running] = {}

    def concerns(self, source_id: str) -> bool:
        """Tell whether a source has webhooks."""
        return source_id in self._webhooks.sources

    async def __call__(self, record: Record) -> Unfolded:
        """Unfold a record beside the event loop, which has a group to stay in meanwhile."""
        return await asyncio.to_thread(self.unfold, record)

    def unfold(self, record: Record) -> Unfolded:
        """Unfold a record. Never raises for what is in it or in a script."""
        found, left = Unfolded(), MOST_BYTES
        for line in codec.split_lines(record.value):
            try:
                raw = envelope.read(line)
                webhook_id = hooked.named_in(raw)
                if not webhook_id:
                    found.lines.append(line)
                    continue
                lines = self._made(raw, webhook_id)
                left -= sum(map(len, lines))
                if left < 0:
                    message = "the requests beside this one became too much: replay it later"
                    raise Malformed(hooked.INVALID, message)  # noqa: TRY301 - one place for all
            except Exception as error:  # noqa: BLE001 - told apart when the line's turn comes
                found.lines.append((line, error))
            else:
                found.lines += lines
                found.requests.append(Requested(raw, len(lines)))
        return found

    def _made(self, raw: RawEvent, webhook_id: str) -> list[bytes]:
        """Make the events of a request, all of them fit to be decoded."""
        webhook = self._webhooks.get(webhook_id)
        if webhook is None or webhook.source != raw.source_id:
            raise hooked.unknown(webhook_id)
        running = self._ready(webhook)
        if self._clock() < running.until:
            message = f"its script exceeded its time {MOST_IN_A_ROW} times: correct it, then replay"
            raise Malformed(SUSPENDED, message)
        try:
            given = running.script.call(FUNCTION, hooked.argument_of(raw, webhook))
        except ScriptError as error:
            self._note(running, late=error.code == TIME)
            message = f"{error.message}\n{error.stack}" if error.stack else error.message
            raise Malformed(error.code, f"version {webhook.active}: {message}") from error
        self._note(running, late=False)
        lines = hooked.made_of(raw, webhook, codec.loads(given))
        for number, line in enumerate(lines):
            try:
                decode(line, self._vendors)
            except Malformed as error:
                message = f"version {webhook.active}, event {number}: {error.message}"
                raise Malformed(hooked.INVALID, message) from error
        return lines

    def _ready(self, webhook: Webhook) -> _Running:
        running = self._running.get(webhook.id)
        if running is not None and running.webhook is webhook:
            return running
        version = webhook.version()
        if version is None:
            message = f"webhook {webhook.id!r} has no active version: activate one, then replay"
            raise Malformed(_NO_VERSION, message)
        if running is not None:
            running.script.close()
        script = self._sandbox(f"{version.script}\n{self._behind}", webhook.limits)
        self._running[webhook.id] = made = _Running(webhook, script)
        return made

    def _note(self, running: _Running, *, late: bool) -> None:
        """Suspend a script that takes all of its time again and again: others wait for it."""
        running.late = running.late + 1 if late else 0
        if running.late >= MOST_IN_A_ROW:
            running.late, running.until = 0, self._clock() + SUSPENDED_MS
