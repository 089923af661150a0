"""Files over HTTP as a task reads them: of any size, from where it may reach, to their end."""

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.imports import s3
from deploy.imports.places import remote
from deploy.tasks.addresses import networks
from deploy.tasks.connect import hang_up
from deploy.tasks.fetch import MAX_BODY
from deploy.tasks.stream import Opener
from schemas.errors import HeadraceError
from tests.deploy.tasks.serving import Give, Site, serving

LOOPBACK = networks(["127.0.0.0/8"])
LARGE = b"x" * (MAX_BODY + 1)
LISTED = (
    b"<R><Contents><Key>d/a.csv</Key><Size>3</Size></Contents>"
    b"<Contents><Key>d/</Key><Size>0</Size></Contents></R>"
)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving({"/large": Give(body=LARGE)}) as site:
        yield site


def opened(url: str, *, allowed: Any = LOOPBACK, watch: Any = lambda _: None, **said: str) -> bytes:
    (place,) = remote(url, said, s3.Access(), Opener(allowed, watch))
    stream = place.open()
    try:
        return b"".join(iter(lambda: stream.read(1 << 16), b""))
    finally:
        stream.close()


def refused(url: str, **more: Any) -> str:
    with pytest.raises(HeadraceError) as caught:
        opened(url, **more)
    return caught.value.code


def test_a_file_is_read_to_its_end_however_large_and_as_it_lies_there(site: Site) -> None:
    site.answers["/moved"] = Give(302, headers={"location": "/large"})
    assert opened(f"{site.url}/moved", authorization="Bearer t") == LARGE
    assert [got.headers["authorization"] for got in site.got] == ["Bearer t"] * 2
    assert site.got[0].headers["accept-encoding"] == "identity"


def test_what_may_not_be_reached_or_is_not_there_is_told(site: Site) -> None:
    site.answers["/busy"] = Give(503)
    site.answers["/half"] = Give(body=b"half", headers={"content-length": "9"})
    site.answers["/round"] = Give(302, headers={"location": "/round"})
    site.answers["/away"] = Give(302, headers={"location": "http://169.254.169.254/"})
    assert refused(f"{site.url}/large", allowed=()) == "address-refused"
    assert refused(f"{site.url}/none") == "file-missing"
    assert refused(f"{site.url}/busy") == "file-unreadable"
    assert refused(f"{site.url}/half") == "file-unreadable"
    assert refused(f"{site.url}/round") == "too-many-redirects"
    assert refused(f"{site.url}/away") == "address-refused"
    assert refused("ftp://example.org/x") == "address-unsupported"
    assert refused(f"{site.url}/large", watch=hang_up) in {"http-broken", "http-unreachable"}


def test_what_is_in_a_bucket_is_signed_when_it_is_asked_for(site: Site) -> None:
    site.answers["/b/"] = Give(body=LISTED)
    site.answers["/b/d/a.csv"] = Give(body=b"a\n1")
    access = s3.Access("AK", "secret", endpoint=site.url)
    opener: Any = Opener(LOOPBACK, lambda _: None)
    (place,) = remote("s3://b/d/", {}, access, opener)
    assert (place.name, place.size, len(site.got)) == ("s3://b/d/a.csv", 3, 1)
    assert place.open().read(9) == b"a\n1"
    for got in site.got:
        assert got.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AK/")
    assert isinstance(place.request and place.request(), urllib.request.Request)
