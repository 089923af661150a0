"""Clients that never give up: numbered events, their ids fixed before they are first sent."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid5

from tests.system.client import Answer, Client

FILUM_KEY = "numbered-filum-key"
FILUM_SOURCE = "numbered-filum"
TRACARDI_SOURCE = "numbered-tracardi"

_PER_REQUEST = 5
_CLIENTS = 8
_VISITORS_PER_CLIENT = 5
_PAUSE_SECONDS = 0.05
_TIMEOUT_SECONDS = 20.0


@dataclass
class Figures:
    """What the clients saw; `retries` by reason."""

    accepted: list[tuple[float, int]] = field(default_factory=list)
    requests: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)


class Clients:
    """Eight clients that send events 0 .. `total` - 1, each request until it is answered 200.

    Half of the requests are Filum's, whose events carry no session, so that the processors have
    to cut sessions; half are Tracardi's, whose events carry everything. No event is sent before
    :meth:`allow` lets it. Where there are several addresses every attempt goes to any of them.
    """

    def __init__(self, url: str | Callable[[], str], total: int) -> None:
        self.total = total
        self.figures = Figures()
        self._url = url if callable(url) else lambda: url
        self._next = 0
        self._allowed = 0
        self._change = threading.Condition()
        self._ended = False
        self._threads = [
            threading.Thread(target=self._send_all, args=(number,), name=f"client-{number}")
            for number in range(_CLIENTS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        with self._change:
            self._ended = True
            self._change.notify_all()
        for thread in self._threads:
            thread.join()

    def allow(self, number: int) -> None:
        """Let events below `number` be sent."""
        with self._change:
            self._allowed = number
            self._change.notify_all()

    def accepted(self) -> int:
        """How many events were answered with 200 so far."""
        return len(self.figures.accepted)

    def accepted_since(self, moment: float) -> int | None:
        """The first event that was answered with 200 after `moment` (monotonic seconds)."""
        later = (number for when, number in list(self.figures.accepted) if when > moment)
        return next(later, None)

    def _send_all(self, client_number: int) -> None:
        clients: dict[str, Client] = {}
        sent = 0
        while (first := self._take()) is not None:
            visitor = f"visitor-{client_number}-{sent % _VISITORS_PER_CLIENT}"
            make = _filum if sent // _VISITORS_PER_CLIENT % 2 else _tracardi
            target, headers, body = make(range(first, first + _PER_REQUEST), visitor)
            self._send(clients, target, headers, body, first)
            sent += 1
        for client in clients.values():
            client.close()

    def _take(self) -> int | None:
        with self._change:
            self._change.wait_for(lambda: self._ended or self._next < self._allowed)
            if self._ended or self._next >= self.total:
                return None
            self._next += _PER_REQUEST
            return self._next - _PER_REQUEST

    def _send(
        self,
        clients: dict[str, Client],
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        first: int,
    ) -> None:
        figures = self.figures
        while not self._ended:
            figures.requests += 1
            url = self._url()
            client = clients.setdefault(url, Client(url, seconds=_TIMEOUT_SECONDS))
            try:
                answer = client.send("POST", target, headers.items(), body)
            except (OSError, http.client.HTTPException) as error:
                figures.retries[type(error).__name__] += 1
            else:
                if answer.status == 200:
                    now = time.monotonic()
                    figures.accepted += ((now, n) for n in range(first, first + _PER_REQUEST))
                    return
                figures.retries[str(answer.status)] += 1
                if answer.status < 500:
                    figures.refusals.append(_spell(answer))
                    return
            time.sleep(_PAUSE_SECONDS)


def _spell(answer: Answer) -> str:
    return f"{answer.status} {answer.body[:200]!r}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _filum(numbers: range, visitor: str) -> tuple[str, dict[str, str], bytes]:
    events: list[dict[str, Any]] = [
        {
            "event_id": f"numbered-{number}",
            "event_name": "Numbered",
            "event_type": "track",
            "anonymous_id": visitor,
            "event_params": [{"key": "number", "value": {"int_value": number}}],
            "timestamp": _now(),
        }
        for number in numbers
    ]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {FILUM_KEY}"}
    return "/events", headers, json.dumps(events).encode()


def _tracardi(numbers: range, visitor: str) -> tuple[str, dict[str, str], bytes]:
    events = [
        {
            "id": str(uuid5(NAMESPACE_URL, f"numbered-{number}")),
            "type": "numbered",
            "properties": {"number": number},
            "time": {"create": _now()},
        }
        for number in numbers
    ]
    payload = {"source": {"id": TRACARDI_SOURCE}, "session": {"id": visitor}, "events": events}
    return "/track", {"Content-Type": "application/json"}, json.dumps(payload).encode()
