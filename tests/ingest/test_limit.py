import pytest

from ingest.limit import Buckets
from schemas.errors import Unavailable
from schemas.sources import Limits, Source

NOW = 1_763_660_896_499


def taken(buckets: Buckets, source: Source, now: int, tries: int = 10) -> int:
    """Count how many of some requests at one moment get through."""
    through = 0
    for _ in range(tries):
        try:
            buckets.take(source, now)
        except Unavailable:
            continue
        through += 1
    return through


def limited(name: str, rate: int) -> Source:
    return Source(name, limits=Limits(requests_per_second=rate))


@pytest.mark.parametrize(
    ("later", "expected"), [(0, 0), (249, 0), (250, 1), (500, 2), (1000, 4), (60_000, 4), (-9, 0)]
)
def test_tokens_flow_in_up_to_one_seconds_worth(later: int, expected: int) -> None:
    buckets, source = Buckets(), limited("shop", 4)
    assert taken(buckets, source, NOW) == 4
    assert taken(buckets, source, NOW + later) == expected


def test_sources_have_buckets_of_their_own_or_none() -> None:
    buckets = Buckets()
    assert taken(buckets, limited("a", 1), NOW) == 1
    assert taken(buckets, limited("b", 2), NOW) == 2
    assert taken(buckets, Source("free"), NOW, tries=1000) == 1000


def test_a_limit_that_is_lowered_counts_at_once() -> None:
    buckets = Buckets()
    assert taken(buckets, limited("a", 9), NOW, tries=1) == 1
    assert taken(buckets, limited("a", 2), NOW) == 2


def test_who_comes_too_often_is_told_when_to_come_again() -> None:
    buckets, source = Buckets(), limited("shop", 1)
    buckets.take(source, NOW)
    with pytest.raises(Unavailable, match="takes 1 requests per second") as caught:
        buckets.take(source, NOW)
    error = caught.value
    assert (error.code, error.status, error.retry_after) == ("too-many-requests", 429, 1)
