"""Who is let in to a webhook, what is written down of the request, and what is answered."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ingest.hooks import Hooks
from schemas import codec
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.ids import Ids
from schemas.signatures import Signature
from schemas.sources import Key, Source
from schemas.vendor import Batch, Claim, Edge, Grant, Reply, Request
from schemas.webhooks import Version, Webhook, Webhooks
from schemas.wire import webhooks as vendor

NOW = 1_790_000_000_000
TOKEN = Signature("header:x-token", algorithm="plain")
HOOK = Webhook("hook", "shop", versions=(Version(1, "x", 0),), active=1)


def edge(*known: Webhook, reveal: Any = lambda _: ("secret",)) -> Edge:
    found = Webhooks()
    for each in known:
        found.fold(each.id.encode(), each.as_record())
    hooks = Hooks(lambda: found, reveal=reveal, by=lambda *_: False, new_id=lambda: "drawn")
    return Edge(new_id=lambda: "drawn", ids=Ids(b"s" * 32), hooks=hooks)


def request(body: bytes = b"", webhook: str = "hook", **fields: Any) -> Request:
    given: dict[str, Any] = {
        "endpoint": "collect",
        "method": "POST",
        "path": {"webhook": webhook},
        "query": {"write_key": ["WK"]},
        "headers": {},
        "ip": "203.0.113.7",
        "received_at": NOW,
    }
    return Request(body=body, **{**given, **fields})


def split(at: Edge, sent: Request, key: Key | None = None) -> Batch:
    return vendor.split(Claim("key", "WK"), sent, Grant(Source("shop"), key), at)


def refused(at: Edge, sent: Request) -> tuple[int, str]:
    with pytest.raises(HeadraceError) as caught:
        split(at, sent)
    return caught.value.status, caught.value.code


def test_the_request_is_kept_as_it_came_without_what_lets_it_in() -> None:
    headers = {"authorization": "Bearer x", "cookie": "a=b", "x-id": "7", "content-type": "a/b"}
    sent = request(b'{"a": 1 }', headers=headers, query={"write_key": ["WK"], "q": ["1", "2"]})
    batch = split(edge(replace(HOOK, delivery="header:x-id")), sent)
    (draft,) = batch.drafts
    assert codec.loads(draft.body) == {
        "method": "POST",
        "path": {},
        "query": {"q": ["1", "2"]},
        "headers": {"content-type": "a/b", "x-id": "7"},
        "body": '{"a": 1 }',
    }
    assert draft.message_id == "hook 7"
    assert codec.loads(batch.shared) == {"webhook": "hook"}
    assert split(edge(HOOK), sent).drafts[0].visitor == draft.visitor, "repeated, the same place"
    (binary,) = split(edge(HOOK), request(b"\xff\x00")).drafts
    assert codec.loads(binary.body)["base64"] == "/wA="


def test_who_is_not_let_in() -> None:
    sent = request()
    assert refused(edge(), sent) == (404, "webhook-unknown")
    assert refused(Edge(new_id=str, ids=Ids(b"s" * 32)), sent)[1] == "webhook-unknown"
    assert refused(edge(replace(HOOK, source="app")), sent) == (404, "webhook-unknown")
    assert refused(edge(replace(HOOK, enabled=False)), sent) == (403, "webhook-disabled")
    assert refused(edge(replace(HOOK, active=0)), sent) == (403, "webhook-inactive")
    signed = replace(HOOK, signature=TOKEN)
    assert refused(edge(signed), sent) == (401, "signature-missing")
    assert refused(edge(signed), request(headers={"x-token": "no"})) == (401, "signature-wrong")
    assert split(edge(signed), request(headers={"x-token": "secret"})).drafts

    def sealed_otherwise(_: Webhook) -> tuple[str, ...]:
        raise Malformed("secret-unreadable", "set it anew")

    with pytest.raises(Unavailable):
        split(edge(signed, reveal=sealed_otherwise), request(headers={"x-token": "secret"}))
    with pytest.raises(HeadraceError) as caught:
        split(edge(HOOK), sent, Key("k", "write", "", customer="acme"))
    assert caught.value.code == "key-scoped"


def answered(webhook: Webhook, body: bytes = b"{}") -> Reply:
    batch = split(edge(webhook), request(body))
    return vendor.reply(batch, ("id",) * len(batch.drafts), request(body))


def test_answers() -> None:
    assert (answered(HOOK).status, answered(HOOK).body) == (200, b'{"accepted":1}')
    assert answered(replace(HOOK, answer="empty")).status == 204
    blank = answered(replace(HOOK, answer="blank"))
    assert (blank.status, blank.body, blank.content_type[:10]) == (200, b"", "text/plain")
    assert answered(replace(HOOK, answer="rakam")).body == b"1", "nobody said anything in time"
    asking = replace(HOOK, echo="json:challenge")
    echo = answered(asking, b'{"challenge":"<b>"}')
    assert (echo.status, echo.body, echo.content_type[:10]) == (200, b"<b>", "text/plain")
    assert not split(edge(asking), request(b'{"challenge":"x"}')).drafts
    assert answered(asking).status == 200


def test_keys_are_missing_in_rakams_way() -> None:
    with pytest.raises(HeadraceError) as caught:
        vendor.read(request(query={}))
    reply = vendor.refuse(caught.value, request(query={}))
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (403, "key-missing")
