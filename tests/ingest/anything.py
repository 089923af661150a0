"""What strangers send: requests that clients send, and everything that can be wrong with them."""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from hypothesis import strategies as st

from schemas.vendor import Route, Vendor
from schemas.wire import VENDORS
from tests.cases.case import all_cases
from tests.cases.ways import KEY_TYPES, Feed, request
from tests.ingest.call import Call
from tests.schemas.values import json_values
from tests.system.captures import recorded

ADMIN: Final = "admin-key"
EVERY: Final = [
    (vendor, route, method)
    for vendor in VENDORS
    for route in vendor.ROUTES
    for method in route.methods
    if not route.path.endswith("/")
]
_CLIENTS: Final = ("tracardi-browser", "rakam-browser", "filum-node")
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_MARK: Final = "@what stands here@"


@dataclass(frozen=True)
class Sent:
    """A request before it is a call; ``target`` is percent-encoded."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def call(self) -> Call:
        """What the server makes of it."""
        parts = urlsplit(self.target)
        query = parts.query.encode("ascii", "replace")
        call = Call(unquote(parts.path), self.body, method=self.method, query=query)
        call.scope["raw_path"] = parts.path.encode()
        call.scope["headers"] = [
            (name.lower().encode("latin-1"), text.encode("latin-1", "replace"))
            for name, text in self.headers.items()
        ]
        return call


def source_names(source_id: str) -> dict[str, str]:
    """Placeholders of the case files for one source."""
    keys = {name: f"{source_id}-{type_}" for name, type_ in KEY_TYPES.items()}
    return keys | {"SOURCE": source_id, "ADMIN": ADMIN, "UNIQ": "u1", "UUID": "u2"}


@cache
def corpus() -> tuple[Sent, ...]:
    """Every request of the case files, and those that clients were seen to send."""
    plain = Feed("plain", lambda http: http)
    found = []
    for case in all_cases():
        names = source_names(f"{case.vendor}-{case.source}")
        for step in case.steps:
            http = request(case, step, plain, names)
            found.append(Sent(http.method, http.target, http.headers, http.body))
    for client in _CLIENTS:
        for each in recorded(client):
            headers = dict(each.headers) | {"Content-Length": str(len(each.body))}
            found.append(Sent(each.method, each.target, headers, each.body))
    return tuple(found)


TOKENS: Final = (
    *("1e400", "-1e400", "9" * 400, "0." + "0" * 400 + "1", "-0", "1.5", "-1", "9007199254740993"),
    *("99999999999999", "18446744073709551616", "NaN", "Infinity", "null", "true", "[]", "{}"),
    *('""', '" "', '"\\ud83d"', '"\\udc00x"', '"\\u0000"', '"\x00"', '"\ufeff"', '"\u202e"'),
    *('{"a":1,"a":[2]}', '{"":1}', '{"a.b":{"$c":null}}', '{"__proto__":1}', '[1,"a",null,[]]'),
    *('"0000-00-00"', '"2026-13-45T99:99:99Z"', '"+275760-09-13"', '"1e3"', '"-1"', '"@x"'),
    *("[" * depth + "]" * depth for depth in (33, 300, 1100)),
    *('{"a":' * depth + "1" + "}" * depth for depth in (33, 300, 1100)),
    *('"' + "x" * size + '"' for size in (300, 1100, 70_000)),
    "{" + ",".join(f'"k{n}":{n}' for n in range(2500)) + "}",
    "[" + ",".join(["{}"] * 2500) + "]",
)
NAMES: Final = ("", "a.b", "$", "\x00", "x" * 300, "__proto__", "\ufeff", "id", "type", "_time")
LABELS: Final = (
    *("application/json", "text/plain", "text/csv", "application/avro", "avro/binary", "x"),
    *("application/x-ndjson", "application/x-www-form-urlencoded", "multipart/form-data"),
    *("multipart/form-data; boundary=x", "application/json; charset=utf-16", "\x7f;;=", ""),
)
CLOTHES: Final[tuple[tuple[str, Callable[[bytes], bytes]], ...]] = (
    ("", bytes),
    ("", lambda body: b"\xef\xbb\xbf" + body),
    ("", lambda body: gzip.compress(body, 1)),
    ("gzip", lambda body: gzip.compress(body, 1)),
    ("gzip", lambda body: gzip.compress(body, 1)[:-9]),
    ("deflate", zlib.compress),
    ("gzip, br", zlib.compress),
    *((label, bytes) for label in ("gzip", "deflate", "br", "zstd", "identity", "aes128gcm")),
)
_odd = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_HEADERS: Final = (
    *("user-agent", "referer", "cookie", "origin", "accept-language", "x-context", "from"),
    *("content-length", "content-md5", "x-timestamp", "host", "dnt", "x-forwarded-for"),
)
_odd_headers = st.dictionaries(
    st.sampled_from(_HEADERS),
    _odd | st.sampled_from(["null", "=;=;", "a=" + "b" * 9000, "1", "-1", "https://[::1"]),
    max_size=3,
)
_odd_queries = st.dictionaries(_odd, st.lists(_odd, max_size=3), max_size=4).map(
    lambda query: "&".join(f"{quote(name)}={quote(v)}" for name in query for v in query[name])
) | st.sampled_from(["", "%", "%ff=%00", "a&b&&=", "=", "+", "%f0%9f", "profile_less=maybe"])
_words = st.sampled_from(
    ("shop", "links", "hooks", "go", "rotate", "..", "%00", "%2F", "%ff", "@x")
)


@st.composite
def near_valid(draw: st.DrawFn) -> Sent:
    """A request that somebody sends, with something wrong in it, under it or around it."""
    sent: Sent = draw(st.sampled_from(corpus()))
    body = draw(st.sampled_from((_with_token, _with_name, _with_junk)))(draw, sent.body)
    target = draw(st.sampled_from((sent.target, f"{sent.target}?{draw(_odd_queries)}")))
    return _dressed(draw, replace(sent, target=target, body=body))


@st.composite
def anything(draw: st.DrawFn, vendor: Vendor, route: Route, method: str) -> Sent:
    """A request to one route that nobody would send."""
    path = _PARAMETER.sub(lambda _: draw(_words | _odd.filter(bool).map(_quoted)), route.path)
    prefix = draw(st.sampled_from(["", f"/{vendor.NAME}"]))
    target = f"{prefix}{path}{draw(st.sampled_from(['', '/']))}?{draw(_odd_queries)}"
    body = draw(
        st.binary(max_size=200) | json_values.map(_dumped) | st.sampled_from(TOKENS).map(_utf8)
    )
    key = draw(st.sampled_from((ADMIN, "shop-master", "shop-write", "", "x")))
    return _dressed(draw, Sent(method, target, credentials(key), body))


def credentials(key: str) -> dict[str, str]:
    """One key in every place where a vendor looks for it in the headers."""
    bunker = {f"x-eventbunker-{kind}-key": key for kind in ("write", "query", "delete")}
    others = dict.fromkeys(("write_key", "read_key", "master_key", "api_key"), key)
    return {"authorization": f"Bearer {key}", **bunker, **others}


def _dressed(draw: st.DrawFn, sent: Sent) -> Sent:
    encoding, dress = draw(st.sampled_from(CLOTHES))
    headers = {name.lower(): text for name, text in sent.headers.items()}
    headers |= draw(_odd_headers)
    label = draw(st.sampled_from((headers.get("content-type", ""), *LABELS)))
    headers |= {"content-type": label} if label else {}
    headers |= {"content-encoding": encoding} if encoding else {}
    return replace(sent, headers=headers, body=dress(sent.body))


def _with_token(draw: st.DrawFn, body: bytes) -> bytes:
    """Put a token in place of one value."""
    value = _parsed(body)
    place = draw(st.sampled_from(_places(value)))
    token = draw(st.sampled_from(TOKENS) | json_values.map(json.dumps))
    text = json.dumps(_put(value, place, _MARK)) if place else json.dumps(_MARK)
    return _utf8(text.replace(f'"{_MARK}"', token))


def _with_name(draw: st.DrawFn, body: bytes) -> bytes:
    """Put another name in place of one key of an object, maybe one that is there already."""
    value = _parsed(body)
    places = [place for place in _places(value) if place and isinstance(place[-1], str)]
    if not places:
        return body
    place = draw(st.sampled_from(places))
    text = json.dumps(_put(value, place[:-1], {_MARK: 1, **_at(value, place[:-1])}))
    return _utf8(text.replace(_MARK, json.dumps(draw(st.sampled_from(NAMES)))[1:-1]))


def _with_junk(draw: st.DrawFn, body: bytes) -> bytes:
    """Replace a stretch of bytes by others."""
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 9)))
    return body[:start] + draw(st.binary(max_size=9)) + body[end:]


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {}


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value[:5])
    return [at, *(place for key, item in inner for place in _places(item, (*at, key)))]


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


def _put(value: Any, place: tuple[Any, ...], item: Any) -> Any:
    """Copy a value with another item at a place."""
    if not place:
        return item
    step, *rest = place
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[step] = _put(value[step], tuple(rest), item)
    return copy


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _utf8(text: str) -> bytes:
    return text.encode()


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
