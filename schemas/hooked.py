"""A webhook's request on its way: raw as it came, and the events that its script makes of it."""

import base64
import ipaddress
from hashlib import sha256
from typing import Any, Final

from schemas import codec, ids
from schemas.envelope import RawEvent
from schemas.errors import Malformed
from schemas.reading import MAX_ID, JsonObject, as_word, id_text, inside
from schemas.signing import text_at
from schemas.vendor import Draft, Request
from schemas.webhooks import Webhook

PROTOCOL: Final = "webhook"
"""Of the events that scripts make; they are read as those of headrace's own protocol."""
EVENT: Final = "event"
UNKNOWN: Final = "webhook-unknown"
INVALID: Final = "webhook-event-invalid"
MOST_EVENTS: Final = 1_000
"""Of one request."""
_CARRIERS: Final = frozenset({"webhooks", "tracardi"})
_KEPT_BACK: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
_KEY: Final = "write_key"
_MOST_HEADERS: Final = 100
_LONGEST_IP: Final = 45
_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG: Final = b"0" * 16
"""Digits of the first integers that JavaScript's numbers do not hold exactly."""
_IDS: Final = ("user_id", "anonymous_id", "group_id", "session_id", "id")


def draft_of(webhook: Webhook, request: Request, new_id: str) -> Draft:
    """Write a request down as it came, without what lets it in.

    One that is repeated goes to the same partition, where its events meet those of the first.
    """
    headers = {name: text for name, text in request.headers.items() if name not in _KEPT_BACK}
    body: JsonObject = {
        "method": request.method,
        "path": {name: text for name, text in request.path.items() if name != "webhook"},
        "query": {name: v for name, v in request.parameters().items() if name != _KEY},
        "headers": dict(sorted(headers.items())[:_MOST_HEADERS]),
    }
    try:
        body["body"] = request.body.decode()
    except UnicodeDecodeError:
        body["base64"] = base64.b64encode(request.body).decode()
    delivery = text_at(webhook.delivery, request) if webhook.delivery else ""
    visitor = sha256(request.body).hexdigest()[:32] if request.body else new_id
    message_id = f"{webhook.id} {delivery}" if 0 < len(delivery) <= MAX_ID else ""
    return Draft(codec.dumps(body), visitor, message_id)


def shared_of(webhook: Webhook) -> bytes:
    """What marks the raw event of a request."""
    return codec.dumps({"webhook": webhook.id})


def named_in(raw: RawEvent) -> str:
    """Name the webhook whose request a raw event is; "" where it is none."""
    if raw.protocol not in _CARRIERS or raw.endpoint == EVENT or type(raw.batch) is not dict:
        return ""
    return as_word(raw.batch.get("webhook"))


def unknown(webhook_id: str) -> Malformed:
    """Say that nobody knows what to do with a request."""
    return Malformed(
        UNKNOWN, f"there is no webhook {webhook_id!r}: make it anew, then replay the dead letters"
    )


def argument_of(raw: RawEvent, webhook: Webhook) -> bytes:
    """Write what the script is given; ``long`` where JavaScript may not hold all of its numbers."""
    body = raw.body if type(raw.body) is dict else {}
    request = {
        "id": raw.event_id,
        "webhook": webhook.id,
        "source": raw.source_id,
        "received_at": raw.received_at,
        "ip": raw.ip,
        "method": "POST",
        "path": {},
        "query": {},
        "headers": {},
        "body": "",
    }
    written = codec.dumps(request | body)
    return codec.dumps(
        {
            "request": codec.embed(written),
            "parameters": codec.dumps(webhook.parameters).decode(),
            "long": _LONG in written.translate(_DIGITS),
        }
    )


def made_of(raw: RawEvent, webhook: Webhook, given: Any) -> list[bytes]:
    """Write what the script made of a request as raw events, whose ids a replay gives again.

    Raises:
        Malformed: ``webhook-event-invalid``: they are too many, or one has no fit id.
    """
    if type(given) is not list or len(given) > MOST_EVENTS:
        message = f"a script gives at most {MOST_EVENTS} events for one request"
        raise Malformed(INVALID, message)
    return [_line(raw, webhook, number, event) for number, event in enumerate(given)]


def _line(raw: RawEvent, webhook: Webhook, number: int, event: JsonObject) -> bytes:
    for name in _IDS:
        if name in event and not id_text(event[name]):
            message = f"event {number}: {name} is a text of 1 to {MAX_ID} characters, or a number"
            raise Malformed(INVALID, message)
    message_id = id_text(event.get("id"))
    # the sender's own id, so that what it repeats collapses; else the request's and the place
    own = ids.event_id(raw.source_id, message_id or f"{raw.event_id} {number}")
    context = inside(event, "context")
    said = {"webhook": {"id": webhook.id, "version": webhook.active, "request": raw.event_id}}
    return codec.dumps(
        {
            "event_id": own,
            "source_id": raw.source_id,
            "protocol": PROTOCOL,
            "endpoint": EVENT,
            "received_at": raw.received_at,
            "ip": _address(context.get("ip")),
            "user_agent": "",
            # nobody's visits are to end or go on because another service wrote of him
            "visitor": f"{PROTOCOL} {webhook.id}",
            "message_id": message_id,
            "profile_id": "",
            "session_id": id_text(event.get("session_id")),
            "batch": {"cookieless": True, "sessionless": True},
            "body": event | {"context": context | said},
            "extends": raw.extends,
        }
    )


def _address(given: Any) -> str:
    try:
        return str(ipaddress.ip_address(as_word(given)[:_LONGEST_IP]))
    except ValueError:
        return ""
