"""Links that carry their event: what is made is read back, and nothing else is."""

import base64
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Malformed, Refused
from schemas.ids import Ids
from schemas.signed import Kind, Link, MakeLinks, check, make, opened
from tests.schemas.values import json_objects

IDS = Ids(b"the secret of these tests")
SALE = Link("https://s.example/sale?a=1", "summer", "ann", "clicked", {"x": [1]}, 1_900_000_000_000)
words = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)
targets = words.map(lambda text: f"https://s.example/{quote(text)}")
links = st.builds(
    Link,
    st.just("") | targets,
    words,
    words,
    words,
    json_objects,
    st.integers(0, 4_102_444_799_999),
)


def tokens(link: Link, source_id: str = "shop", open_type: str = "") -> tuple[str, str]:
    (made,) = make(MakeLinks(source_id, (link,), open_type), IDS)
    click = made.link.removeprefix(f"/l/{source_id}/")
    return click, made.pixel.removeprefix(f"/o/{source_id}/").removesuffix(".gif")


@given(links, words)
@settings(max_examples=50)
def test_what_is_made_is_read_back(link: Link, open_type: str) -> None:
    try:
        click, pixel = tokens(link, open_type=open_type)
    except Malformed as error:
        assert error.code in {"link-invalid", "json-too-deep", "too-many-keys"}  # noqa: PT017
        return
    assert bool(click) == bool(link.target)
    if click:
        assert opened("click", " Shop ", click, IDS) == link
    shown = replace(link, target="", expires_at=0, event_type=open_type)
    assert opened("open", "shop", pixel, IDS) == shown
    assert click.isascii()


@given(st.integers(0), st.characters(codec="utf-8"))
def test_a_changed_letter_is_noticed(at: int, letter: str) -> None:
    token, _ = tokens(SALE)
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(Refused, match="no link of headrace's") as caught:
            opened("click", "shop", changed, IDS)
        assert (caught.value.code, caught.value.status) == ("link-forged", 404)


@given(st.text())
def test_no_text_is_a_link(token: str) -> None:
    with pytest.raises(Refused):
        opened("click", "shop", token, IDS)


@pytest.mark.parametrize(
    ("kind", "source_id", "secret"),
    [
        ("open", "shop", b"the secret of these tests"),
        ("click", "shop2", b"the secret of these tests"),
        ("click", "shop", b"another secret"),
    ],
)
def test_a_link_is_for_one_purpose_source_and_installation(
    kind: Kind, source_id: str, secret: bytes
) -> None:
    with pytest.raises(Refused):
        opened(kind, source_id, tokens(SALE)[0], Ids(secret))


@pytest.mark.parametrize(
    ("payload"),
    [b"[]", b"{", b'{"t":"https://a@evil.example"}', b'{"t":5}', b"{}", b'{"t":"/relative"}'],
)
def test_a_signed_payload_that_is_no_link_leads_nowhere(payload: bytes) -> None:
    text = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    token = f"{text}.{IDS.sign('link', 'click', 'shop', text)}"
    with pytest.raises(Refused):
        opened("click", "shop", token, IDS)


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/path",
        "https:evil.example",
        "https://",
        "https:///x",
        "https://user@evil.example",
        "https://shop.example:pw@evil.example/",
        "https://shop.example\\@evil.example",
        "https://shop.example/\r\nSet-Cookie: a=1",
        "https://shop.example/a b",
        "https://shop.example/\x00",
        "https://shop.example/\u2028",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://shop.example:0/",
        "https://[::1/",
        " https://shop.example/",
        "ftp://shop.example/",
        f"https://shop.example/{'x' * 2048}",
    ],
)
def test_targets_that_are_no_addresses_of_the_web_are_refused(target: str) -> None:
    with pytest.raises(Malformed) as caught:
        check(Link(target))
    assert (caught.value.code, caught.value.where) == ("link-invalid", ("body", "to"))


@pytest.mark.parametrize(
    "target",
    [
        "https://s.example",
        "HTTP://S.example/é?q=ü#f",
        "http://[::1]:8080/a@b",
        "https://münchen.de/",
    ],
)
def test_addresses_of_the_web_are_taken(target: str) -> None:
    check(Link(target))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"campaign": "x" * 257}, "campaign"),
        ({"recipient": "x" * 1025}, "recipient"),
        ({"event_type": "a\nb"}, "event_type"),
        ({"properties": {"a": "x" * 2048}}, "properties"),
        ({"expires_at": -1}, "expires_at"),
        ({"expires_at": 10**15}, "expires_at"),
    ],
)
def test_what_no_link_is_to_say(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(Malformed) as caught:
        check(Link(**fields))
    assert (caught.value.code, caught.value.where) == ("link-invalid", ("body", name))


def test_addresses_begin_where_people_reach_the_ingest() -> None:
    (made,) = make(MakeLinks("shop", (SALE,)), IDS, "https://mail.example/")
    assert made.recipient == "ann"
    assert made.link.startswith("https://mail.example/l/shop/")
    assert made.pixel.startswith("https://mail.example/o/shop/")
    assert made.pixel.endswith(".gif")
