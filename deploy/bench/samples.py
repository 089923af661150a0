"""Requests to send: shaped and sized as the vendors' own clients were seen to send them.

``shapes/*.json`` are captured requests with their values replaced: ``"#name#"`` by a number,
``@name@`` by text. Rakam's, Tracardi's and Filum's were recorded from their trackers, EventBunker's
follows its documentation; nobody has a tracker for it.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

import orjson

from deploy.bench.load import request_bytes

PROTOCOLS: Final = ("rakam", "tracardi", "filum", "eventbunker")
MIX: Final = "mix"
VISITORS: Final = 5_000
_SHARED_BY: Final = 10
"""Fewer sessions of Tracardi's: a session's first answer waits for the processors."""
_PAGES: Final = (b"/", b"/pricing", b"/docs", b"/blog/2026/how-we-count", b"/cart", b"/checkout")
_TYPES: Final = (b"page-view", b"product-viewed", b"product-added", b"order-placed", b"search")
_COLLECTIONS: Final = tuple(name.replace(b"-", b"_") for name in _TYPES)
_TITLES: Final = tuple(name.replace(b"-", b" ").title() for name in _TYPES)
_IN_STOCK: Final = (b"true", b"false")
_TOKEN: Final = re.compile(rb'"#(\w+)#"|@(\w+)@')
_RUN_BITS: Final = 32
_MORE_OF_EACH: Final = 10
_MOST: Final = 10_000


def mark_of(run: int, number: int) -> int:
    """Number an event among those of all runs; it is its property ``n``."""
    return run << _RUN_BITS | number


def number_of(mark: int, run: int) -> int | None:
    """Number of an event of ``run``, None for events of other runs."""
    return mark & (1 << _RUN_BITS) - 1 if mark >> _RUN_BITS == run else None


def visitor_name(visitor: int) -> str:
    """Name a visitor as its tracker does."""
    return str(UUID(int=visitor))


@dataclass(frozen=True, slots=True)
class Template:
    """Bytes with places for values."""

    text: bytes
    names: tuple[str, ...]

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """Put values into their places."""
        return self.text % tuple([values[name] for name in self.names])


def template(text: bytes) -> Template:
    """Find the places in a text."""
    names: list[str] = []

    def place(found: re.Match[bytes]) -> bytes:
        names.append((found[1] or found[2]).decode())
        return b"%b"

    return Template(_TOKEN.sub(place, text.replace(b"%", b"%%")), tuple(names))


@dataclass(frozen=True, slots=True)
class Shape:
    """How one vendor's requests look.

    Attributes:
        batch: None where it takes single events only.
        most: events of a request that the vendor takes, all of this size.
    """

    protocol: str
    headers: Mapping[str, str]
    event: Template
    single: tuple[str, Template]
    batch: tuple[str, Template] | None
    most: int


@cache
def shape(protocol: str) -> Shape:
    """Read one shape from the package."""
    text = files("deploy.bench").joinpath("shapes", f"{protocol}.json").read_bytes()
    said: dict[str, Any] = orjson.loads(text)
    event = (
        orjson.dumps(said["event"]).replace(b'"#more#":0', b"@more@").replace(b",@more@", b"@more@")
    )
    bodies = {
        name: (said[name]["path"], _body(said[name]["body"]))
        for name in said
        if "path" in said[name]
    }
    return Shape(
        protocol,
        said["headers"],
        template(event),
        bodies["single"],
        bodies.get("batch"),
        said.get("batch", {}).get("most", _MOST),
    )


def _body(body: Any) -> Template:
    text = orjson.dumps(body)
    return template(text.replace(b'"#events#"', b"[@events@]").replace(b'"#event#"', b"@events@"))


@dataclass(frozen=True, slots=True)
class Sender:
    """Makes requests for one pipeline; it travels to the process that sends them.

    Attributes:
        keys: source id -> write key; requests go round the sources.
        run: events of different runs have different ids.
        protocol: one of :data:`PROTOCOLS`, or all in turn (:data:`MIX`).
        batch: events per request; 0 for single ones. A mix of batches leaves EventBunker out, and
            whoever takes fewer in a request.
        visitors: how many there are.
        properties: of so many names each event has ten more, 0 for none; not Filum's.
        session: Rakam's tracker names sessions; else the processors cut them.
    """

    url: str
    keys: tuple[tuple[str, str], ...]
    run: int
    protocol: str = MIX
    batch: int = 0
    visitors: int = VISITORS
    properties: int = 0
    session: bool = True

    @property
    def size(self) -> int:
        """Events per request."""
        return self.batch or 1

    def shapes(self) -> list[Shape]:
        """The shapes it sends in turn."""
        named = PROTOCOLS if self.protocol == MIX else (self.protocol,)
        found = [shape(name) for name in named]
        fits = [one for one in found if one.batch and one.most >= self.batch]
        return fits if self.batch > 1 else found

    def requests(self) -> Callable[[int], bytes]:
        """Give what makes the request of a number."""
        shapes, sources, size = self.shapes(), self.keys, self.size
        heads = [
            {
                source: {name: text.replace("@key@", key) for name, text in one.headers.items()}
                for source, key in sources
            }
            for one in shapes
        ]

        def make(number: int) -> bytes:
            turn = number % len(shapes)
            one = shapes[turn]
            source, key = sources[number // len(shapes) % len(sources)]
            first = number * size
            path, body = one.batch if self.batch and one.batch else one.single
            # Tracardi's payload is one session's, the others' events are anybody's
            payload = one.protocol == "tracardi"
            values = [
                self._values(n, first if payload else n, few=payload)
                for n in range(first, first + size)
            ]
            events = b",".join([one.event.fill(each) for each in values])
            shared = values[0] | {"events": events, "source": source.encode(), "key": key.encode()}
            return request_bytes(self.url, path, heads[turn][source], body.fill(shared))

        return make

    def _values(self, number: int, visit: int, *, few: bool) -> dict[str, bytes]:
        """All that an event's places may want, as bytes of JSON."""
        visitors = max(1, self.visitors // _SHARED_BY) if few else self.visitors
        visitor = visit * 2_654_435_761 % visitors
        kind = number % len(_TYPES)
        now_ms = time.time_ns() // 1_000_000
        digits = b"%032x" % (self.run << 80 | 0x4 << 76 | 0x2 << 62 | number)
        return {
            "id": _uuid(digits),
            "visitor": _uuid(b"%032x" % visitor),
            "user": b"user-%d" % visitor,
            "session": b"%d" % (1_795_000_000_000 + visitor) if self.session else b"null",
            "mark": b"%d" % mark_of(self.run, number),
            "price": b"%.2f" % (number % 9_973 / 100),
            "quantity": b"%d" % (number % 7),
            "in_stock": _IN_STOCK[number % 3 != 0],
            "page": _PAGES[number % len(_PAGES)],
            "ref": b"%d" % (number % 100),
            "campaign": b"autumn-%d" % (number % 12),
            "type": _TYPES[kind],
            "collection": _COLLECTIONS[kind],
            "title": _TITLES[kind],
            "now_ms": b"%d" % now_ms,
            "now": b"%b.%03dZ" % (_second(now_ms // 1000), now_ms % 1000),
            "more": self._more(number) if self.properties else b"",
        }

    def _more(self, number: int) -> bytes:
        start = number * _MORE_OF_EACH
        return b"".join(
            b',"p_%04d":%d' % ((start + i) % self.properties, number) for i in range(_MORE_OF_EACH)
        )


def _uuid(digits: bytes) -> bytes:
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@cache
def _second(second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()


def bodies(sender: Sender, numbers: Iterable[int]) -> list[bytes]:
    """The bodies of some requests, without their heads."""
    make = sender.requests()
    return [make(number).partition(b"\r\n\r\n")[2] for number in numbers]


def mean_bytes(sender: Sender, requests: int = 400) -> float:
    """Mean size of an event in the requests, the shared part of a payload included."""
    found = bodies(sender, range(requests))
    return sum(map(len, found)) / (len(found) * sender.size)
