"""HTTP for scripts against a real server: what is reached, what is not, and every bound."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from deploy.tasks.addresses import networks
from deploy.tasks.connect import hang_up
from deploy.tasks.fetch import MAX_BODY, Answer, Asked, fetch
from schemas.errors import HeadraceError
from tests.deploy.tasks.serving import Give, Site, serving

LOOPBACK = networks(["127.0.0.0/8"])


@pytest.fixture
def site() -> Iterator[Site]:
    with serving({"/": Give(body=b"fine", headers={"content-type": "text/plain"})}) as site:
        yield site


def ask(
    url: str,
    *,
    method: str = "GET",
    allowed: Any = LOOPBACK,
    seconds: float = 20,
    **headers: str,
) -> Answer:
    asked = Asked(method, url, {name.replace("_", "-"): text for name, text in headers.items()})
    return fetch(asked, allowed=allowed, deadline=time.monotonic() + seconds)


def refused(url: str, **more: Any) -> str:
    with pytest.raises(HeadraceError) as caught:
        ask(url, **more)
    return caught.value.code


def test_an_answer_comes_back(site: Site) -> None:
    answer = ask(f"{site.url}/?a=1#part", x_key="k")
    assert (answer.status, answer.body, answer.text()) == (200, b"fine", "fine")
    assert answer.headers["content-type"] == "text/plain"
    (got,) = site.got
    assert (got.method, got.path, got.headers["x-key"]) == ("GET", "/?a=1", "k")
    assert got.headers["host"] == f"127.0.0.1:{site.port}"
    assert got.headers["user-agent"] == "headrace"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
    ],
)
def test_no_spelling_of_this_machine_is_reached(site: Site, host: str) -> None:
    assert refused(f"http://{host}:{site.port}/", allowed=()) in {
        "address-refused",
        "http-unreachable",  # no such address here: nothing is connected to either
    }
    assert site.got == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "//127.0.0.1/",
        "http://",
        "http:///x",
        "http://user:password@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nhost: other",
        "http://127.0.0.1/ü",
        "http://①②⑦.⓪.⓪.①/",
        "http://[::1/",
        f"http://127.0.0.1/{'x' * 9000}",
    ],
)
def test_what_is_no_url_is_told(url: str) -> None:
    assert refused(url) == "url-invalid"


def test_a_name_with_one_private_address_is_not_reached_at_its_others(site: Site) -> None:
    def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "10.0.0.1"]

    asked = Asked("GET", f"http://some.example:{site.port}/")
    with pytest.raises(HeadraceError) as caught:
        fetch(asked, allowed=LOOPBACK, deadline=time.monotonic() + 9, resolve=resolve)
    assert caught.value.code == "address-refused"
    assert site.got == []


def test_the_address_that_was_checked_is_the_one_connected_to(site: Site) -> None:
    """The name answers with another address each time."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    asked = Asked("GET", f"http://rebind.example:{site.port}/")

    def resolve(host: str, port: int) -> Sequence[str]:
        return next(answers)

    deadline = time.monotonic() + 9
    answer = fetch(asked, allowed=LOOPBACK, deadline=deadline, resolve=resolve)
    assert answer.status == 200
    assert site.got[0].headers["host"] == f"rebind.example:{site.port}"
    with pytest.raises(HeadraceError):
        fetch(asked, allowed=LOOPBACK, deadline=deadline, resolve=resolve)


@pytest.mark.parametrize(
    "onward",
    ["http://10.0.0.1/", "http://169.254.169.254/latest/", "http://[::1]/", "http://0x0a000001/"],
)
def test_a_redirect_is_checked_like_any_address(site: Site, onward: str) -> None:
    site.answers["/away"] = Give(302, headers={"location": onward})
    assert refused(f"{site.url}/away") == "address-refused"


def test_a_redirect_is_followed_with_what_is_anybodys(site: Site) -> None:
    site.answers["/near"] = Give(307, headers={"location": "/?b=2"})
    assert ask(f"{site.url}/near", method="POST", authorization="k").url == f"{site.url}/?b=2"
    assert site.got[1].method == "POST"
    assert site.got[1].headers["authorization"] == "k"
    with serving({"/": Give(body=b"other")}) as other:
        site.answers["/far"] = Give(302, headers={"location": f"{other.url}/"})
        answer = ask(
            f"{site.url}/far", method="POST", authorization="k", x_api_key="k", accept="a/b"
        )
        assert answer.body == b"other"
        (got,) = other.got
        assert (got.method, got.headers["accept"]) == ("GET", "a/b")
        assert got.headers.keys().isdisjoint({"authorization", "x-api-key"})


def test_redirects_end(site: Site) -> None:
    site.answers["/round"] = Give(302, headers={"location": "/round"})
    assert refused(f"{site.url}/round") == "too-many-redirects"
    site.answers["/odd"] = Give(302, headers={"location": "file:///etc/passwd"})
    assert refused(f"{site.url}/odd") == "url-invalid"


def test_what_is_compressed_is_inflated_and_bounded(site: Site) -> None:
    labelled = {"content-encoding": "gzip"}
    site.answers["/small"] = Give(body=gzip.compress(b"a" * 1000), headers=labelled)
    site.answers["/bomb"] = Give(body=gzip.compress(b"a" * (MAX_BODY + 1)), headers=labelled)
    site.answers["/large"] = Give(body=b"a" * (MAX_BODY + 1))
    assert ask(f"{site.url}/small").body == b"a" * 1000
    assert refused(f"{site.url}/bomb") == "body-too-large"
    assert refused(f"{site.url}/large") == "body-too-large"


def test_a_body_is_read_as_it_is_labelled(site: Site) -> None:
    for label, body in (
        ("text/csv; charset=latin-1", b"\xfc"),
        ("text/csv; charset=nonsense", b"\xc3\xbc"),
        ("application/json", b"\xc3\xbc"),
    ):
        site.answers["/"] = Give(body=body, headers={"content-type": label})
        assert ask(f"{site.url}/").text() == "ü"
    site.answers["/"] = Give(body=b"\xff")
    assert ask(f"{site.url}/").text() == "\ufffd"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nshort",
    ],
)
def test_half_an_answer_is_none(site: Site, raw: bytes) -> None:
    site.answers["/half"] = Give(raw=lambda file: file.write(raw))
    assert refused(f"{site.url}/half") == "http-broken"


def drip(file: Any) -> None:
    """Write a byte now and then, for as long as anybody listens."""
    file.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    try:
        while True:
            file.write(b"a")
            file.flush()
            time.sleep(0.02)
    except OSError:
        pass


def test_an_answer_that_drips_ends_at_the_deadline(site: Site) -> None:
    site.answers["/drip"] = Give(raw=drip)
    began = time.monotonic()
    assert refused(f"{site.url}/drip", seconds=0.5) == "http-timeout"
    assert time.monotonic() - began < 15


def test_it_can_be_hung_up_from_outside(site: Site) -> None:
    site.answers["/drip"] = Give(raw=drip)
    asked = Asked("GET", f"{site.url}/drip")
    with pytest.raises(HeadraceError) as caught:
        fetch(asked, allowed=LOOPBACK, deadline=time.monotonic() + 60, watch=hang_up)
    assert caught.value.code in {"http-broken", "http-unreachable"}


def test_a_name_that_nobody_finds_in_time_is_given_up() -> None:
    over = threading.Event()

    def resolve(host: str, port: int) -> Sequence[str]:
        over.wait(60)
        return ()

    try:
        with pytest.raises(HeadraceError) as caught:
            fetch(
                Asked("GET", "http://slow.example/"),
                allowed=LOOPBACK,
                deadline=time.monotonic() + 0.2,
                resolve=resolve,
            )
    finally:
        over.set()
    assert caught.value.code == "http-timeout"


def test_nobody_there() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        assert refused(f"http://127.0.0.1:{port}/") == "http-unreachable"
    assert refused("http://nobody.invalid/") == "http-unreachable"
    with serving({}) as site:  # speaks no TLS
        assert refused(f"https://127.0.0.1:{site.port}/") == "http-unreachable"


def test_headers_cannot_be_smuggled(site: Site) -> None:
    assert refused(f"{site.url}/", x="a\r\nb: c") == "header-invalid"
    assert site.got == []
