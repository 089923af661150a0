from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import times


def ms(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T17:48:16.499Z", ms(2026, 11, 20, 17, 48, 16) + 499),
        ("2026-11-20t17:48:16.499z", ms(2026, 11, 20, 17, 48, 16) + 499),
        ("2026-11-20T10:00:00+02:00", ms(2026, 11, 20, 8)),
        ("2026-11-20T10:00:00-0230", ms(2026, 11, 20, 12, 30)),
        ("2026-11-20 10:00", ms(2026, 11, 20, 10)),
        ("2026-11-20T10:00Z", ms(2026, 11, 20, 10)),
        ("2026-11-20", ms(2026, 11, 20)),
        ("2026-11-20T10:00:00.1234567+07:00", ms(2026, 11, 20, 3) + 123),
        ("2026-11-20T10:00:00.9999Z", ms(2026, 11, 20, 10) + 999),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-13-01", None),
        ("2026-02-30", None),
        ("2026-11-20T25:00", None),
        ("soon", None),
        ("SOON", None),
        ("", None),
        ("\ud800", None),
    ],
)
def test_iso(text: str, expected: int | None) -> None:
    assert times.from_iso(text) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1_795_196_896, 1_795_196_896_000),
        (1_795_196_896.4999, 1_795_196_896_499),
        (1_795_196_896_499, 1_795_196_896_499),
        (2e10, 20_000_000_000_000),
        (20_000_000_001, 20_000_000_001),
        (0, 0),
        (-1, None),
        (1e300, None),
        (2**64, None),
    ],
)
def test_numbers(number: float, expected: int | None) -> None:
    assert times.from_number(number) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T10:00:00+02:00", ms(2026, 11, 20, 8)),
        (" 2026-11-20T10:00:00Z ", ms(2026, 11, 20, 10)),
        ("Fri, 20 Nov 2026 08:00:00 GMT", ms(2026, 11, 20, 8)),
        ("20 Nov 2026 08:00:00 +0700", ms(2026, 11, 20, 1)),
        ("20 Nov 2026 08:00:00 -07:30", ms(2026, 11, 20, 15, 30)),
        ("Fri, 20 Nov 26 08:00 EST", ms(2026, 11, 20, 13)),
        ("Fri Nov 20 2026 10:00:00 GMT+0200 (Eastern European Time)", ms(2026, 11, 20, 8)),
        ("Fri Nov 20 10:00:00 ICT 2026", ms(2026, 11, 20, 3)),
        ("Fri Nov 20 10:00:00 UTC 2026", ms(2026, 11, 20, 10)),
        ("November 20, 2026", ms(2026, 11, 20)),
        ("Nov. 20, 2026 10:00:00", ms(2026, 11, 20, 10)),
        ("November 20, 2026 10:00:00.25 PM", ms(2026, 11, 20, 22) + 250),
        ("November 20, 2026 12:30 AM", ms(2026, 11, 20, 0, 30)),
        ("November 20, 2026 12:30pm", ms(2026, 11, 20, 12, 30)),
        ("20-Nov-2026 10:00", ms(2026, 11, 20, 10)),
        ("11/20/2026 10:00", ms(2026, 11, 20, 10)),
        ("11/20/2026", ms(2026, 11, 20)),
        ("2026/11/20 10:00:00", ms(2026, 11, 20, 10)),
        ("2026 November 20", ms(2026, 11, 20)),
        ("Nov 20 70", ms(1970, 11, 20)),
        ("20/11/2026", None),
        ("Nov 31 2026", None),
        ("Nov 2026", None),
        ("November", None),
        ("20 2026", None),
        ("Nov 20 2026 Dec", None),
        ("Nov 20 2026 10:61", None),
        ("Nov 20 2026 10:00:61", None),
        ("Nov 20 2026 24:00", None),
        ("Nov 20 2026 13:00 PM", None),
        ("Nov 20 2026 10:00 QQQ", None),
        ("Nov 20 2026 @ 10:00", None),
        ("Nov 20 99999999999999999999", None),
        ("soon", None),
        ("", None),
        ("20 Nov 2026 " + " " * 200 + "x", None),
        ("20 novembre 2026 à 10:00", None),
        ("\u0662\u0660 Nov 2026", None),
    ],
)
def test_dates_as_javascript_reads_them(text: str, expected: int | None) -> None:
    assert times.from_date(text) == expected


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(2099, 1, 1),  # noqa: DTZ001 - as above
        timezones=st.just(UTC),
    ).map(lambda moment: moment.replace(microsecond=0))
)
def test_mail_dates_come_back(moment: datetime) -> None:
    expected = int(moment.timestamp()) * 1000
    assert times.from_date(format_datetime(moment)) == expected
    assert times.from_date(moment.isoformat()) == expected
    assert times.from_date(moment.ctime()) == expected


@given(st.text())
def test_arbitrary_text_is_a_time_or_none(text: str) -> None:
    found = times.from_date(text)
    assert found is None or isinstance(found, int)


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        (None, None),
        (-1, None),
        (0, 0),
        (4_102_444_799_999, 4_102_444_799_999),
        (4_102_444_800_000, None),
    ],
)
def test_storable(moment: int | None, kept: int | None) -> None:
    assert times.storable(moment) == kept
