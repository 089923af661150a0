"""A version of a webhook's script tried on a sample, as the processors would run it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from processors.bury import Record
from processors.sandbox import Sandbox
from processors.unfold import Unfold
from processors.unfolding import behind
from schemas import codec, envelope, hooked
from schemas.errors import HeadraceError
from schemas.sandbox import Limits, Script
from schemas.vendor import Request
from schemas.webhook_commands import Sample, Trial
from schemas.webhooks import Version, Webhook, Webhooks
from schemas.wire import vendor
from schemas.wire.webhooks import NAME

_SHOWN: Final = ("event_id", "body")


def tried(
    webhook: Webhook,
    version: Version,
    sample: Sample,
    *,
    clock: Callable[[], int],
    new_id: Callable[[], str],
) -> Trial:
    """Run a version on a sample; blocks for as long as the script may take."""
    now, raw_id = clock(), new_id()
    request = request_of(sample, webhook, now)
    draft = hooked.draft_of(webhook, request, raw_id)
    head = envelope.Head(
        source_id=webhook.source,
        protocol=NAME,
        endpoint="collect",
        received_at=now,
        ip="",
        user_agent="",
        batch=hooked.shared_of(webhook),
    )
    line = head.line(
        event_id=raw_id,
        visitor=draft.visitor,
        message_id="",
        profile_id="",
        session_id="",
        body=draft.body,
    )
    known, opened = Webhooks(), list[Script]()
    known.fold(webhook.id.encode(), replace(webhook, active=version.number).as_record())

    def sandbox(source: str, limits: Limits) -> Script:
        opened.append(Sandbox(source, limits))
        return opened[-1]

    unfold = Unfold(known, sandbox, vendor, behind=behind(), clock=clock)
    found = unfold.unfold(Record(webhook.source, "", 0, 0, line)).lines
    said = tuple(opened[0].said) if opened else ()
    for script in opened:
        script.close()
    return _told(version.number, found, said)


def request_of(sample: Sample, webhook: Webhook, now: int) -> Request:
    """Write a sample as the request that it is of."""
    return Request(
        endpoint="collect",
        method=sample.method,
        path={**sample.path, "webhook": webhook.id},
        query={k: v if type(v) is list else [v] for k, v in sample.query.items()},
        headers={name.lower(): text for name, text in sample.headers.items()},
        body=bytes_of(sample),
        ip="",
        received_at=now,
    )


def bytes_of(sample: Sample) -> bytes:
    """Write a sample's body: a text as it is, anything else as JSON."""
    body = sample.body
    return body.encode("utf-8", "surrogatepass") if type(body) is str else codec.dumps(body)


def _told(
    number: int, found: list[bytes | tuple[bytes, Exception]], said: tuple[str, ...]
) -> Trial:
    events = []
    for line in found:
        if isinstance(line, tuple):
            error = line[1]
            if not isinstance(error, HeadraceError):
                raise error
            message, _, stack = error.message.partition("\nat ")
            stack = f"at {stack}" if stack else ""
            return Trial(number, (), said, error.code, message, stack)
        event = codec.loads(line)
        body = event["body"]
        del body["context"]["webhook"]
        if not body["context"]:
            del body["context"]
        events.append({"event_id": event["event_id"], **body})
    return Trial(number, tuple(events), said)
