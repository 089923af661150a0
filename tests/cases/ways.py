"""How a step becomes an HTTP request, in every way a client may send it. Knows no room."""

import base64
import gzip
import itertools
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

from tests.cases.case import Case, Json, Step

ORIGIN: Final = "https://page.example"
KEY_TYPES: Final = {
    "KEY": "write",
    "QUERYKEY": "query",
    "DELETEKEY": "delete",
    "MASTERKEY": "master",
}
"""The keys that every source has: placeholder -> type."""
_NAME: Final = re.compile(r"\$([A-Z]+)")
_RUN: Final = secrets.token_hex(4)
_numbers: Final = itertools.count(1)


@dataclass(frozen=True)
class Http:
    """One request as it leaves.

    Attributes:
        target: path and query, percent-encoded.
        headers: names in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Feed:
    """One way of sending a case.

    Attributes:
        size: number of events per request, 0 for a request that is sent as the file has it.
    """

    name: str
    encode: Callable[[Http], Http]
    size: int = 0

    def __str__(self) -> str:
        return self.name


def _gzip(http: Http) -> Http:
    headers = {**http.headers, "content-encoding": "gzip"}
    return replace(http, headers=headers, body=gzip.compress(http.body, 1))


def _sniffed(http: Http) -> Http:
    return replace(http, body=gzip.compress(http.body, 1))


def _beacon(http: Http) -> Http:
    label = {"content-type": "text/plain;charset=UTF-8", "cookie": "a=1", "origin": ORIGIN}
    return replace(http, headers={**http.headers, **label})


_ENCODINGS: Final[dict[str, Callable[[Http], Http]]] = {
    "plain": lambda http: http,
    "gzip": _gzip,
    "sniffed": _sniffed,
    "beacon": _beacon,
}


def feeds(case: Case) -> list[Feed]:
    """All ways in which a case is to be fed."""
    ways = [Feed(name, _ENCODINGS[name]) for name in case.feeds if name != "batch"]
    if "batch" in case.feeds:
        ways += [Feed(f"batch of {size}", lambda http: http, size) for size in (1, 3)]
    return ways


def fresh() -> dict[str, str]:
    """Placeholders whose values nobody has used yet."""
    return {"UNIQ": f"{_RUN}{next(_numbers)}", "UUID": str(uuid4())}


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """Replace ``$NAME`` in every text, keys of objects included; unknown names stay."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: names.get(match[1], match[0]), value)
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    if isinstance(value, dict):
        return {filled(name, names): filled(item, names) for name, item in value.items()}
    return value


def fillers(case: Case, feed: Feed) -> list[Json]:
    """The rows of the events that a batch adds around each of the case's own."""
    if feed.size < 2 or any(step.reply.get("status", 200) != 200 for step in case.steps):
        return []
    return [{"event_type": "filler"}] * ((feed.size - 1) * len(case.steps))


def request(case: Case, step: Step, feed: Feed, names: Mapping[str, str]) -> Http:
    """Make the request of a step."""
    given: Json = filled(step.request, names)
    if step.event:
        wrap = WRAP[case.vendor]
        event = filled(step.event[0], names)
        batch = _around(event, wrap.filler(names), step, feed.size) if feed.size else None
        given = wrap.request(event, names, batch)
    body, label = _body(given)
    body += b" " * (given.get("pad", 0) - len(body))
    headers = {"content-type": label} if label else {}
    headers |= {name.lower(): text for name, text in given.get("headers", {}).items()}
    query = urlencode(given.get("query", {}), doseq=True)
    target = given["path"] + (f"?{query}" if query else "")
    return feed.encode(Http(given.get("method", "POST"), target, headers, body))


def _around(event: Any, filler: Any, step: Step, size: int) -> list[Any]:
    """Put the event among fillers: first when it is refused, since errors name its place."""
    before = 0 if step.reply.get("status", 200) != 200 else (size - 1) // 2
    return [*[filler] * before, event, *[filler] * (size - 1 - before)]


def _body(given: Json) -> tuple[bytes, str]:
    if "json" in given:
        return json.dumps(given["json"], ensure_ascii=False).encode(), "application/json"
    if "form" in given:
        form = urlencode(given["form"], doseq=True).encode()
        return form, "application/x-www-form-urlencoded"
    if "base64" in given:
        return base64.b64decode(given["base64"], validate=True), ""
    text: str = given.get("text", "")
    return text.encode("utf-8", "surrogatepass"), ""


@dataclass(frozen=True)
class Wrap:
    """How a vendor's clients send events.

    Attributes:
        filler: an event to fill a batch with.
        request: of an event alone, or of a batch where it is given.
    """

    filler: Callable[[Mapping[str, str]], Any]
    request: Callable[[Any, Mapping[str, str], list[Any] | None], Json]


def _tracardi(event: Any, names: Mapping[str, str], batch: list[Any] | None) -> Json:
    session = {"id": f"session-{names['UNIQ']}"}
    events = [event] if batch is None else batch
    payload = {"source": {"id": names["SOURCE"]}, "session": session, "events": events}
    return {"path": "/track", "json": payload}


def _rakam(event: Any, names: Mapping[str, str], batch: list[Any] | None) -> Json:
    api = {"api_key": names["KEY"]}
    if batch is not None:
        return {"path": "/event/batch", "json": {"api": api, "events": batch}}
    body = {"api": api, **event} if isinstance(event, dict) else event
    return {"path": "/event/collect", "json": body}


def _filum(event: Any, names: Mapping[str, str], batch: list[Any] | None) -> Json:
    headers = {"authorization": f"Bearer {names['KEY']}"}
    return {"path": "/events", "headers": headers, "json": event if batch is None else batch}


def _eventbunker(event: Any, names: Mapping[str, str], batch: list[Any] | None) -> Json:
    assert batch is None, "EventBunker's clients send one event per request"
    return {"path": "/post", "headers": {"x-eventbunker-write-key": names["KEY"]}, "json": event}


def _own(event: Any, names: Mapping[str, str], batch: list[Any] | None) -> Json:
    events = [event] if batch is None else batch
    return {"path": "/v1/events", "json": {"write_key": names["KEY"], "events": events}}


def _cloudevents(event: Any, names: Mapping[str, str], batch: list[Any] | None) -> Json:
    label = (
        "application/cloudevents+json" if batch is None else "application/cloudevents-batch+json"
    )
    headers = {"authorization": f"Bearer {names['KEY']}", "content-type": label}
    return {"path": "/cloudevents", "headers": headers, "json": event if batch is None else batch}


WRAP: Final = {
    "tracardi": Wrap(lambda _: {"type": "filler"}, _tracardi),
    "rakam": Wrap(
        lambda names: {"collection": "filler", "properties": {"_user": names["UNIQ"]}}, _rakam
    ),
    "filum": Wrap(
        lambda names: {"event_name": "filler", "event_type": "track", "user_id": names["UNIQ"]},
        _filum,
    ),
    "eventbunker": Wrap(lambda _: {"event_name": "filler"}, _eventbunker),
    "own": Wrap(lambda names: {"name": "filler", "user_id": names["UNIQ"]}, _own),
    "cloudevents": Wrap(
        lambda _: {"specversion": "1.0", "id": str(uuid4()), "source": "/f", "type": "filler"},
        _cloudevents,
    ),
}
