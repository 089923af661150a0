from collections.abc import Sequence

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


def together(demands: Sequence[int], rate: int, seconds: int) -> list[int]:
    """What some processes let in each second, which tell each other twice a second."""
    edges, source = [Buckets() for _ in demands], limited("shop", rate)
    let_in = [0] * seconds
    for tick in range(seconds * 100):
        now = NOW + tick * 10
        if tick % 50 == 0 and tick:
            told = [edge.asked(0.5) for edge in edges]
            for edge in edges:
                for number, asked in enumerate(told):
                    if edges[number] is not edge:
                        edge.hear(str(number), asked, now)
        for edge, demand in zip(edges, demands, strict=True):
            tries = (tick + 1) * demand // 100 - tick * demand // 100
            let_in[tick // 100] += taken(edge, source, now, tries)
    return let_in


@pytest.mark.parametrize(
    "demands", [[500, 500], [900, 100], [300] * 5, [1000, 0, 0], [99, 99, 99, 900]]
)
def test_a_limit_holds_over_all_processes_however_clients_spread(demands: list[int]) -> None:
    let_in = together(demands, rate=100, seconds=20)
    assert all(85 <= each <= 115 for each in let_in[2:]), let_in


def test_processes_that_are_asked_for_less_than_the_limit_refuse_nobody() -> None:
    assert together([40, 30, 20], rate=100, seconds=10) == [90] * 10


def test_a_process_that_is_silent_is_forgotten() -> None:
    buckets, source = Buckets(), limited("shop", 10)
    buckets.hear("other", {"shop": 90.0}, NOW)
    assert taken(buckets, source, NOW) == 1
    assert taken(buckets, source, NOW + 3000) == 10
