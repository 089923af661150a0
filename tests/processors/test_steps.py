import json

import pytest

from processors.steps.assemble import line as canonical
from processors.steps.decode import decode
from processors.steps.identify import profile_id
from schemas.errors import Malformed
from schemas.events import AHEAD_MS, EARLIEST_MS, Event, clamp_time, iso
from tests.processors.world import IDS, NOW, line, raw, vendors

EVENT = Event("track", "moved")
REQUIRED = [
    "event_id",
    "event_time",
    "received_at",
    "source_id",
    "protocol",
    "kind",
    "event_type",
    "message_id",
    "profile_id",
    "session_id",
    "user_id",
    "anonymous_id",
    "group_id",
    "properties",
    "context",
    "valid",
]


def test_a_bare_event_has_the_required_columns_and_no_other() -> None:
    written = canonical(raw(), EVENT, NOW, "s", "p")
    assert list(json.loads(written)) == REQUIRED
    head = f'{{"event_id":"{raw(number=7).event_id}","event_time":"{iso(NOW)}",'
    assert canonical(raw(number=7), EVENT, NOW, "s", "p").startswith(head.encode())


def test_a_full_event_says_everything() -> None:
    event = Event(
        "identify",
        "signed up",
        sent_at=NOW - 1,
        user_id="u",
        anonymous_id="a",
        group_id="g",
        properties={"price": 1.5},
        context={"app": {"name": "x"}},
        tags=("vip",),
        errors=("age: not a number",),
    )
    columns = {"browser": "Firefox", "is_bot": True}
    written = canonical(raw(number=1), event, NOW - 5, "s", "p", "Web", columns)
    assert json.loads(written) == {
        "event_id": raw(number=1).event_id,
        "event_time": iso(NOW - 5),
        "received_at": iso(NOW),
        "source_id": "shop",
        "protocol": "plain",
        "kind": "identify",
        "event_type": "signed up",
        "message_id": "",
        "profile_id": "p",
        "session_id": "s",
        "user_id": "u",
        "anonymous_id": "a",
        "group_id": "g",
        "properties": {"price": 1.5},
        "context": {"app": {"name": "x"}},
        "valid": False,
        "sent_at": iso(NOW - 1),
        "errors": ["age: not a number"],
        "tags": ["vip"],
        "browser": "Firefox",
        "is_bot": True,
        "channel": "Web",
    }


@pytest.mark.parametrize(
    ("sent_at", "believed"),
    [
        (EARLIEST_MS - 1, True),
        (NOW + AHEAD_MS + 1, True),
        (4_102_444_800_000, False),
        (-1, False),
        (10**18, False),
        (None, False),
    ],
)
def test_a_time_of_sending_that_no_column_holds_is_left_out(
    sent_at: int | None, believed: bool
) -> None:
    written = canonical(raw(), Event("track", "t", sent_at=sent_at), NOW, "s", "p")
    assert ("sent_at" in json.loads(written)) is believed


@pytest.mark.parametrize(
    ("event_time", "original"),
    [
        (None, None),
        (NOW - 1, None),
        (EARLIEST_MS - 1, "2019-12-31T23:59:59.999Z"),
        (NOW + AHEAD_MS + 1, iso(NOW + AHEAD_MS + 1)),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-30_610_224_000_000, "1000-01-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "253402300800000"),
        (-30_610_224_000_001, "-30610224000001"),
        (10**300, "1" + "0" * 31),
    ],
)
def test_a_time_that_is_not_believed_stays_in_the_row(
    event_time: int | None, original: str | None
) -> None:
    event = Event("track", "t", event_time=event_time)
    written = json.loads(canonical(raw(), event, clamp_time(event_time, NOW), "s", "p"))
    assert written.get("original_time") == original


def test_what_json_cannot_hold_is_malformed() -> None:
    with pytest.raises(Malformed) as caught:
        canonical(raw(), Event("track", "t", properties={"x": object()}), NOW, "", "")
    assert caught.value.code == "json-unserialisable"


@pytest.mark.parametrize(
    ("event", "session", "parts"),
    [
        (Event("track", "t", user_id="u", anonymous_id="a"), "s", ("user", "u")),
        (Event("track", "t", anonymous_id="a"), "s", ("anonymous", "a")),
        (EVENT, "s", ("session", "s")),
        (EVENT, "", ("event", raw(number=3).event_id)),
    ],
)
def test_a_profile_is_derived_from_the_surest_id(
    event: Event, session: str, parts: tuple[str, str]
) -> None:
    found = profile_id(raw(number=3), event, session, IDS.issue)
    assert found == IDS.issue("profile", "shop", *parts)
    assert IDS.is_own(found)


def test_the_edge_decides_where_it_has_decided() -> None:
    event = Event("track", "t", user_id="u", profiled=False)
    assert profile_id(raw(profile_id="edge"), event, "s", IDS.issue) == "edge"


def test_an_event_of_nobody_has_no_profile() -> None:
    event = Event("track", "t", user_id="u", profiled=False)
    assert profile_id(raw(), event, "s", IDS.issue) == ""


def test_decoding_gives_the_envelope_and_the_event() -> None:
    envelope, event = decode(line(number=4, user="u"), vendors)
    assert (envelope.event_id, event.user_id) == (raw(number=4).event_id, "u")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (b"garbage", "json-invalid"),
        (b"[]", "envelope-invalid"),
        (b"{}", "envelope-invalid"),
        (line(event_id="not a uuid"), "envelope-invalid"),
        (line(protocol="morse"), "protocol-unknown"),
        (line(body=[1]), "body-invalid"),
    ],
)
def test_what_cannot_be_decoded_says_why(written: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        decode(written, vendors)
    assert caught.value.code == code
