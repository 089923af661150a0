from collections import Counter
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.accept import MAX_REQUEST_LINES_BYTES, Accepted, allows_origin, authorise, stamp
from schemas import codec, envelope
from schemas.answers import Ask
from schemas.errors import HeadraceError, Malformed
from schemas.ids import event_id, is_uuid
from schemas.sources import Source
from schemas.topics import MAX_EVENT_BYTES, partition_of
from schemas.vendor import Batch, Claim, Draft, Grant, Request, Route
from tests.ingest.plain import DRAWN, NOW, PARTITIONS, registry, source

SHOP = source("shop")


def request(body: bytes = b"[]", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("send", "POST", {}, {}, named, body, "192.0.2.7", NOW)


def outcome(claim: Claim, route: Route, sent: Request) -> tuple[str, int]:
    """The source's id and 200, or the code and status of the refusal."""
    try:
        found = authorise(claim, registry=registry(), protocol="plain", route=route, request=sent)
    except HeadraceError as error:
        return error.code, error.status
    return found.source.id, 200


BARE = Route("/send", "send")
HOOK = Route("/hook", "hook", bridge="webhook")
LINK = Route("/link", "link", bridge="redirect")
WIDE = Route("/wide", "wide", max_bytes=1000)


@pytest.mark.parametrize(
    ("claim", "route", "sent", "expected"),
    [
        (Claim("source", "shop"), BARE, request(), ("shop", 200)),
        (Claim("source", " SHOP "), BARE, request(), ("shop", 200)),
        (Claim("key", "shop-key"), BARE, request(), ("shop", 200)),
        (Claim("source", "hooks"), HOOK, request(), ("hooks", 200)),
        (Claim("source", ""), BARE, request(), ("source-unknown", 401)),
        (Claim("source", "nowhere"), BARE, request(), ("source-unknown", 401)),
        (Claim("source", "shop-key"), BARE, request(), ("source-unknown", 401)),
        (Claim("key", ""), BARE, request(), ("key-missing", 401)),
        (Claim("key", "shop"), BARE, request(), ("key-unknown", 401)),
        (Claim("key", "shop-query"), BARE, request(), ("key-wrong-type", 401)),
        (Claim("key", "shop-query", needs="query"), BARE, request(), ("shop", 200)),
        (Claim("key", "shop-key", needs="delete"), BARE, request(), ("key-wrong-type", 401)),
        (Claim("key", "shop-master"), BARE, request(), ("shop", 200)),
        (Claim("key", "shop-master", needs="delete"), BARE, request(), ("shop", 200)),
        (Claim("key", "shop-old"), BARE, request(), ("key-expired", 401)),
        (Claim("key", "shop-ending"), BARE, request(), ("shop", 200)),
        (Claim("redirect", "spring"), LINK, request(), ("links", 200)),
        (Claim("redirect", "autumn"), LINK, request(), ("redirect-unknown", 404)),
        (Claim("redirect", "gone"), LINK, request(), ("source-disabled", 401)),
        (Claim("redirect", "spring"), HOOK, request(), ("bridge-mismatch", 401)),
        (Claim("key", "off-key"), BARE, request(), ("source-disabled", 401)),
        (Claim("source", "off"), HOOK, request(), ("source-disabled", 401)),
        (Claim("source", "shop"), HOOK, request(), ("bridge-mismatch", 401)),
        (Claim("source", "other"), BARE, request(), ("protocol-mismatch", 403)),
        (Claim("source", "homely"), BARE, request(), ("homely", 200)),
        (Claim("source", "homely"), BARE, request(origin="https://Shop.example"), ("homely", 200)),
        (Claim("source", "homely"), BARE, request(origin="null"), ("origin-refused", 403)),
        (Claim("source", "homely"), BARE, request(origin="http://a"), ("origin-refused", 403)),
        (Claim("source", "tight"), BARE, request(b"x" * 100), ("tight", 200)),
        (Claim("source", "tight"), BARE, request(b"x" * 101), ("body-too-large", 413)),
        (Claim("source", "tight"), WIDE, request(b"x" * 101), ("body-too-large", 413)),
    ],
)
def test_who_is_let_in(
    claim: Claim, route: Route, sent: Request, expected: tuple[str, int]
) -> None:
    assert outcome(claim, route, sent) == expected


def test_what_let_a_request_in_is_told() -> None:
    known = registry()
    key = Claim("key", "shop-customer", needs="query")
    grant = authorise(key, registry=known, protocol="plain", route=BARE, request=request())
    assert grant.key is not None
    assert (grant.key.customer, grant.redirect) == ("acme", None)
    link = Claim("redirect", "spring")
    grant = authorise(link, registry=known, protocol="plain", route=LINK, request=request())
    assert grant.redirect is not None
    assert (grant.redirect.url, grant.key) == ("https://shop.example/spring", None)


def test_a_refusal_never_repeats_the_credential() -> None:
    for claim in (Claim("key", "hunter2"), Claim("source", "hunter2")):
        with pytest.raises(HeadraceError) as caught:
            authorise(claim, registry=registry(), protocol="plain", route=BARE, request=request())
        assert "hunter2" not in caught.value.message
        assert "hunter2" not in repr(caught.value)


def test_a_bridge_mismatch_names_what_the_endpoint_takes_and_what_the_source_has() -> None:
    with pytest.raises(HeadraceError, match=r"\['rest'\], but .* hooks has bridge 'webhook'"):
        authorise(
            Claim("source", "hooks"),
            registry=registry(),
            protocol="plain",
            route=Route("/r", "r", bridge="rest"),
            request=request(),
        )


def test_programs_send_no_origin_and_are_allowed() -> None:
    assert allows_origin(source("x", origins=()), "")
    assert not allows_origin(source("x", origins=()), "https://a.example")


def stamped(batch: Batch, sent: Request | None = None) -> Accepted:
    return stamp(
        batch,
        request=sent or request(),
        grant=Grant(SHOP),
        protocol="plain",
        partitions=PARTITIONS,
        new_id=lambda: DRAWN,
    )


drafts = st.lists(
    st.builds(
        Draft,
        body=st.recursive(
            st.none() | st.integers(-9, 9) | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
            ),
        ).map(codec.dumps),
        visitor=st.text(min_size=1, max_size=8),
        message_id=st.text(max_size=12),
        profile_id=st.text(max_size=3),
        session_id=st.text(max_size=3),
    ),
    max_size=30,
)


@given(drafts=drafts)
def test_stamping_loses_nothing_and_mixes_nothing(drafts: list[Draft]) -> None:
    accepted = stamped(Batch(tuple(drafts), shared=b'{"sent":1}'), request(user_agent="ua"))
    assert len(accepted.event_ids) == len(drafts)
    waiting = {
        number: iter([envelope.read(line) for line in lines])
        for number, lines in accepted.lines.items()
    }
    for draft, given_id in zip(drafts, accepted.event_ids, strict=True):
        raw = next(waiting[partition_of(draft.visitor, PARTITIONS)])
        assert raw.event_id == given_id
        assert is_uuid(given_id)
        assert (raw.visitor, raw.message_id) == (draft.visitor, draft.message_id)
        assert (raw.profile_id, raw.session_id) == (draft.profile_id, draft.session_id)
        assert codec.dumps(raw.body) == codec.dumps(codec.loads(draft.body))
        assert (raw.batch, raw.user_agent, raw.source_id) == ({"sent": 1}, "ua", "shop")
        assert (raw.received_at, raw.ip, raw.protocol) == (NOW, "192.0.2.7", "plain")
    assert all(next(rest, None) is None for rest in waiting.values())
    assert all(b"\n" not in line for lines in accepted.lines.values() for line in lines)


def test_an_id_of_the_client_decides_the_events_id() -> None:
    mine = "0191F0B0-0000-7000-8000-00000000ABCD"
    accepted = stamped(
        Batch((Draft(b"{}", "v", mine), Draft(b"{}", "v", "order-7"), Draft(b"{}", "v")))
    )
    assert accepted.event_ids == (mine.lower(), event_id("shop", "order-7"), DRAWN)


def test_nothing_to_stamp_is_nothing_to_write() -> None:
    assert stamped(Batch(())) == Accepted((), {})


def refusal_of(batch: Batch, name: str = "shop") -> Malformed:
    with pytest.raises(Malformed) as caught:
        stamp(
            batch,
            request=request(),
            grant=Grant(registry_source(name)),
            protocol="plain",
            partitions=PARTITIONS,
            new_id=lambda: DRAWN,
        )
    return caught.value


def registry_source(name: str) -> Source:
    found = registry().get(name)
    assert found is not None
    return found


ASKED = (Draft(b"1", "a"), Draft(b"2", "b"), Draft(b"3", "a"))


@pytest.mark.parametrize(
    ("about", "expected"), [("profile", ["2:x", "", ""]), ("debug", ["2:x", "2:x", "2:x"])]
)
def test_who_is_asked_about(about: Literal["profile", "debug"], expected: list[str]) -> None:
    accepted = stamp(
        Batch(ASKED, ask=Ask(about, "session")),
        request=request(),
        grant=Grant(SHOP),
        protocol="plain",
        partitions=PARTITIONS,
        new_id=lambda: DRAWN,
        ask="2:x",
    )
    found = [envelope.read(line) for lines in accepted.lines.values() for line in lines]
    assert [raw.ask for raw in sorted(found, key=lambda raw: raw.body)] == expected


def test_a_master_keys_events_say_so() -> None:
    for key, expected in zip(SHOP.keys[1:3], [False, True], strict=True):
        accepted = stamp(
            Batch((Draft(b"{}", "v"),)),
            request=request(),
            grant=Grant(SHOP, key),
            protocol="plain",
            partitions=PARTITIONS,
            new_id=lambda: DRAWN,
        )
        ((line,),) = accepted.lines.values()
        assert envelope.read(line).extends is expected


def test_too_many_events() -> None:
    error = refusal_of(Batch((Draft(b"{}", "v"),) * 3), name="tight")
    assert (error.code, error.status) == ("too-many-events", 413)


def test_one_event_too_large_is_named_by_its_position() -> None:
    large = codec.dumps("x" * MAX_EVENT_BYTES)
    error = refusal_of(Batch((Draft(b"{}", "v"), Draft(large, "v"))))
    assert (error.code, error.status, error.where) == ("event-too-large", 413, ("body", 1))


def test_what_is_shared_cannot_multiply_beyond_bounds() -> None:
    shared = codec.dumps("x" * 500_000)
    count = MAX_REQUEST_LINES_BYTES // len(shared) + 1
    error = refusal_of(Batch((Draft(b"{}", "v"),) * count, shared=shared))
    assert (error.code, error.status) == ("body-too-large", 413)


def test_a_long_user_agent_is_cut() -> None:
    accepted = stamped(Batch((Draft(b"{}", "v"),)), request(user_agent="u" * 5000))
    ((line,),) = accepted.lines.values()
    assert Counter(envelope.read(line).user_agent) == {"u": 1024}
