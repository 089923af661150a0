"""Events to send: sized and shaped like what the browsers' trackers really send."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import orjson

from deploy.bench.load import request_bytes

_PAGES: Final = ("/", "/pricing", "/docs", "/blog/2026/how-we-count", "/cart", "/checkout")
_TYPES: Final = ("page-view", "product-viewed", "product-added", "order-placed", "search")
_VISITORS: Final = 5_000


def _event_id(number: int, run: int) -> UUID:
    return UUID(int=run << 80 | 0x4 << 76 | 0x2 << 62 | number)


def event_number(event_id: UUID, run: int) -> int | None:
    """Number of an event of ``run``, None for events of other runs."""
    number = event_id.int & (1 << 62) - 1
    return number if event_id == _event_id(number, run) else None


def visitor_name(visitor: int) -> str:
    """Name a visitor as its tracker does."""
    return str(UUID(int=visitor))


def event(
    number: int, run: int, *, visitors: int = _VISITORS, session: bool = True
) -> dict[str, object]:
    """A Rakam-style event of about 600 bytes; ``number`` can be found again in its properties."""
    visitor = number * 2_654_435_761 % visitors
    page = _PAGES[number % len(_PAGES)]
    named = {"_session_id": 1_795_000_000_000 + visitor} if session else {}
    return {
        "collection": _TYPES[number % len(_TYPES)].replace("-", "_"),
        "properties": {
            "_id": str(_event_id(number, run)),
            "_user": f"user-{visitor}",
            "_device_id": visitor_name(visitor),
            **named,
            "_platform": "Web",
            "_language": "en-US",
            "n": number,
            "price": number % 9_973 / 100,
            "currency": "EUR",
            "quantity": number % 7,
            "in_stock": number % 3 == 0,
            "page_url": f"https://shop.example{page}?ref={number % 100}",
            "title": "Shop: things that people like to look at",
            "referrer": "https://search.example/?q=things",
            "utm_source": "news",
            "utm_medium": "email",
            "utm_campaign": f"autumn-{number % 12}",
        },
    }


@dataclass(frozen=True, slots=True)
class Sender:
    """Makes requests for one pipeline under one write key.

    Attributes:
        visitors: how many there are.
        session: the tracker names sessions; else the processors cut them.
    """

    url: str
    key: str
    run: int
    visitors: int = _VISITORS
    session: bool = True

    def single(self, number: int) -> bytes:
        """One event, ``POST /event/collect``."""
        body = self._event(number) | {"api": {"api_key": self.key}}
        return self._post("/event/collect", orjson.dumps(body))

    def batch(self, size: int) -> Callable[[int], bytes]:
        """``size`` events, ``POST /event/batch``."""

        def make(number: int) -> bytes:
            events = [self._event(number * size + i) for i in range(size)]
            return self._post(
                "/event/batch", orjson.dumps({"api": {"api_key": self.key}, "events": events})
            )

        return make

    def _event(self, number: int) -> dict[str, object]:
        return event(number, self.run, visitors=self.visitors, session=self.session)

    def _post(self, path: str, body: bytes) -> bytes:
        return request_bytes(self.url, path, {"Content-Type": "application/json"}, body)
