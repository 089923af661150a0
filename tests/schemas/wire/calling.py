"""Calls to EventBunker: from a request's body to the command, from a result to the answer."""

import json
from typing import Any

import pytest

from schemas.errors import Malformed, Refused
from schemas.sources import Key
from schemas.vendor import Grant
from schemas.wire import eventbunker
from tests.schemas.wire.feeding import SHOP, post

KEYS = {f"x-eventbunker-{kind}": "K" for kind in ("query-key", "delete-key", "apikey")}
OPEN = Grant(SHOP, Key("k", "master", "h"))
ACME = Grant(SHOP, Key("k", "master", "h", customer="acme"))


def ask(path: str, body: Any, grant: Grant | None = OPEN) -> Any:
    request = post(eventbunker, path, body, KEYS)
    return eventbunker.command(eventbunker.read(request), request, grant)


def answer(path: str, body: Any, result: Any) -> Any:
    request = post(eventbunker, path, body, KEYS)
    reply = eventbunker.answer(result, eventbunker.read(request), request)
    assert (reply.status, reply.content_type) == (200, "application/json")
    return json.loads(reply.body)


def refusal(path: str, body: Any) -> tuple[str, str]:
    with pytest.raises((Malformed, Refused)) as caught:
        ask(path, body)
    return caught.value.code, caught.value.message
