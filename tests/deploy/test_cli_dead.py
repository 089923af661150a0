"""What the commands about dead letters understand, and how lines are packed for another try."""

from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import cli_dead
from deploy.cli_dead import LetterId, Moment
from deploy.dead import Count
from deploy.resend import packs
from schemas.topics import PACK_BYTES

NOW = 1_795_200_000_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90", NOW - 90_000),
        ("15m", NOW - 15 * 60_000),
        ("7d", NOW - 7 * 86_400_000),
        ("2026-11-20T18:00:00Z", 1_795_197_600_000),
        ("2026-11-20 18:00", 1_795_197_600_000),
        ("2026-11-20T19:00:00.500+01:00", 1_795_197_600_500),
        ("2026-11-20", 1_795_132_800_000),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(
    monkeypatch: pytest.MonkeyPatch, text: str, moment: int
) -> None:
    monkeypatch.setattr(cli_dead, "clock", lambda: NOW)
    assert Moment().convert(text, None, None) == moment


@pytest.mark.parametrize(
    ("kind", "text"), [(Moment(), "yesterday"), (Moment(), ""), (LetterId(), "7"), (LetterId(), "")]
)
def test_what_is_neither_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(click.BadParameter):
        kind.convert(text, None, None)


@given(st.lists(st.integers(1, PACK_BYTES + 5)))
def test_packs_lose_nothing_keep_the_order_and_fit(sizes: list[int]) -> None:
    lines = [b"%d" % number + b"x" * size for number, size in enumerate(sizes)]
    found = packs(lines)
    assert [line for pack in found for line in pack] == lines
    assert all(len(pack) == 1 or sum(map(len, pack)) <= PACK_BYTES for pack in found)
    assert all(found)


def test_the_count_says_exactly_what_became_of_them() -> None:
    count = Count(1203)
    assert str(count) == "replayed 1,203"
    count.failed["topic-missing"] += 3
    count.failed["record-expired"] += 1
    assert str(count) == (
        "replayed 1,203, 4 could not be (3 topic-missing: their topic is gone, 1 record-expired: "
        "they only point at a record, which Kafka does not keep any more)"
    )
