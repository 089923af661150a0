"""Webhooks as they are given, kept and folded."""

from typing import Any

import pytest

from schemas import codec
from schemas.errors import Malformed
from schemas.signatures import Signature
from schemas.webhook_fields import changed, new_webhook
from schemas.webhooks import MAX_VERSIONS, Secret, Version, Webhook, Webhooks, from_record

FIELDS: dict[str, Any] = {"id": "hook", "source": "Shop", "script": "function transform() {}"}


def test_a_webhook_is_given_and_changed() -> None:
    signature = {"at": "header:x", "tolerance": 0.0}
    draft = new_webhook({**FIELDS, "signature": signature, "secrets": ["s"], "milliseconds": 9.0})
    assert (draft.webhook.source, draft.webhook.milliseconds) == ("shop", 9)
    assert draft.webhook.signature == Signature("header:x")
    assert (draft.script, draft.secrets) == (FIELDS["script"], ("s",))
    assert "'s'" not in repr(draft)
    later = changed(draft.webhook, {"signature": None, "answer": "rakam"})
    assert (later.webhook.signature, later.webhook.answer) == (None, "rakam")
    assert (later.script, later.secrets) == ("", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "Hook"},
        {"id": 5},
        {"source": " "},
        {"source": 5},
        {"script": ""},
        {"script": 5},
        {"script": " \n"},
        {"script": "a\0"},
        {"script": "x" * 60_000},
        {"answer": "xml"},
        {"delivery": "x-id"},
        {"echo": 5},
        {"enabled": "yes"},
        {"milliseconds": 0},
        {"milliseconds": 3_001},
        {"milliseconds": True},
        {"parameters": []},
        {"parameters": {"a": "x" * 20_000}},
        {"description": "x" * 1_001},
        {"description": "\0"},
        {"name": "\n"},
        {"secrets": "s"},
        {"secrets": ["a"] * 5},
        {"secrets": [" "]},
        {"signature": {"at": "header:x", "key_encoding": "hex"}, "secrets": ["no hex"]},
        {"versions": []},
    ],
)
def test_what_cannot_be_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        new_webhook({**FIELDS, **wrong})
    assert caught.value.code == "webhook-invalid"
    assert caught.value.where


@pytest.mark.parametrize("field", ["id", "source", "template"])
def test_what_cannot_be_changed(field: str) -> None:
    with pytest.raises(Malformed):
        changed(Webhook("hook", "shop"), {field: "x"})


def test_versions_are_kept_and_the_oldest_that_is_idle_goes() -> None:
    webhook = Webhook("hook", "shop").with_script("0", 0)
    assert webhook.with_script("0", 1) is webhook
    webhook = Webhook(**{**vars_of(webhook), "active": 1})
    for number in range(1, MAX_VERSIONS + 5):
        webhook = webhook.with_script(str(number), number)
    assert len(webhook.versions) == MAX_VERSIONS
    assert [each.number for each in webhook.versions][:3] == [1, 7, 8]
    assert webhook.version() == Version(1, "0", 0)
    assert webhook.version(2) is None


def vars_of(webhook: Webhook) -> dict[str, Any]:
    return {name: getattr(webhook, name) for name in Webhook.__slots__}


def test_a_record_is_read_back_and_a_newer_one_too() -> None:
    webhook = Webhook(
        "hook",
        "shop",
        signature=Signature("header:x"),
        secrets=(Secret("a", "s1.x", 1),),
        parameters={"a": [1]},
        versions=(Version(1, "x", 1),),
    )
    assert from_record(webhook.as_record()) == webhook
    newer = codec.loads(webhook.as_record()) | {"fancy": 1}
    assert from_record(codec.dumps(newer)) == webhook
    assert "s1.x" not in repr(webhook)
    for broken in (b"[]", b"{}", b'{"id":"x","versions":[{}],"secrets":[]}'):
        with pytest.raises(Malformed):
            from_record(broken)


def test_webhooks_are_folded() -> None:
    found = Webhooks()
    found.fold(b"b", Webhook("b", "shop", collects=True).as_record())
    found.fold(b"a", Webhook("a", "shop").as_record())
    assert [each.id for each in found.all()] == ["a", "b"]
    assert found.get(" A ") == Webhook("a", "shop")
    assert found.collecting("shop") == found.get("b")
    assert found.collecting("app") is None
    found.fold(b"b", None)
    assert found.collecting("shop") is None
    assert (found.sources, found.revision) == (frozenset({"shop"}), 3)
