"""Two and three of each tier: added, restarted one by one and removed while events stream in."""

import time
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contracts.real_kafka import RealKafka
from tests.faults.cluster import TIERS, Cluster, broker
from tests.faults.figures import Figures, Report
from tests.faults.found import broken_sessions, dead, seen
from tests.faults.numbered import FILUM_KEY, FILUM_SOURCE, TRACARDI_SOURCE, Clients
from tests.system.eventually import eventually

pytestmark = pytest.mark.faults

STEP = 2_000
"""Events that are let out for every step, so that some stream in during all of it."""
ACCEPT_SECONDS, STORED_SECONDS = 90.0, 120.0


@pytest.mark.parametrize(
    ("kafka", "most"),
    [
        ("stand-in", 2),
        pytest.param("stand-in", 3, marks=pytest.mark.slow_fault),
        pytest.param("apache-kafka", 2, marks=pytest.mark.slow_fault),
        pytest.param("apache-kafka", 3, marks=pytest.mark.slow_fault),
    ],
)
def test_tiers_come_and_go_under_load(
    kafka: str, most: int, tmp_path: Path, request: pytest.FixtureRequest, report: Report
) -> None:
    with ExitStack() as stack:
        if kafka == "apache-kafka":
            real: RealKafka = request.getfixturevalue("real_kafka")
            address = real.address
        else:
            address = stack.enter_context(broker(tmp_path))
        cluster = Cluster(tmp_path, stack, address)
        cluster.headrace("sources", "create", FILUM_SOURCE, "--write-key", FILUM_KEY)
        cluster.headrace("sources", "create", TRACARDI_SOURCE)
        cluster.add(*((tier, 1) for tier in TIERS))
        # Kafka keeps a sink's partitions for its session time-out of 30 s: it may come back.
        slow = most > 2 or kafka != "stand-in"
        steps = changes(cluster, most, TIERS if slow else ("ingest", "process"))
        took = stream(cluster, steps)
        recovery = all_stored(cluster, STEP * len(steps))
        tell(cluster, report, f"{kafka}, up to {most} of each", STEP * len(steps), recovery, took)
        cluster.remove(*cluster.tiers)


def changes(cluster: Cluster, most: int, gone: Collection[str]) -> list[Callable[[], None]]:
    """Grow to so many of each, restart all of them, shrink to those that came last.

    Args:
        gone: tiers that shrink.
    """
    steps: list[Callable[[], None]] = [
        lambda number=number: cluster.add(*((tier, number) for tier in TIERS))  # type: ignore[misc]
        for number in range(2, most + 1)
    ]
    steps.append(lambda: cluster.roll(range(1, most + 1)))
    steps += [
        lambda number=number: cluster.remove(*((tier, number) for tier in gone))  # type: ignore[misc]
        for number in range(1, most)
    ]
    return steps


def stream(cluster: Cluster, steps: list[Callable[[], None]]) -> list[float]:
    """Take each step while events come in; what each took, in seconds."""
    took = []
    with Clients(cluster.url, STEP * len(steps)) as clients:
        for number, step in enumerate(steps, start=1):
            clients.allow(number * STEP)
            began = time.monotonic()
            step()
            took.append(time.monotonic() - began)
            eventually(
                lambda: clients.accepted() >= number * STEP or clients.figures.refusals,  # noqa: B023
                within=ACCEPT_SECONDS,
                what=f"{number * STEP} events are accepted",
            )
        assert not clients.figures.refusals
    return took


def all_stored(cluster: Cluster, total: int) -> float:
    """Wait until each event is there; how many seconds that took."""
    began = time.monotonic()
    eventually(
        lambda: len(seen(cluster.clickhouse, "FINAL")),
        until=lambda count: count >= total,
        within=STORED_SECONDS,
        what=f"all {total} accepted events are stored",
    )
    return time.monotonic() - began


def tell(
    cluster: Cluster, report: Report, what: str, total: int, recovery: float, took: list[float]
) -> None:
    """Count, report and judge."""
    final, plain = seen(cluster.clickhouse, "FINAL"), seen(cluster.clickhouse)
    steps = ", ".join(f"{seconds:.0f}" for seconds in took)
    twice = sum(plain.values()) - len(final)
    report(
        Figures(
            fault="26",
            what=what,
            sent=total,
            accepted=total,
            stored=len(final),
            doubled=sum(final.values()) - len(final),
            dead=dead(cluster.clickhouse),
            recovery=recovery,
            note=f"{twice} doubled without FINAL; steps took {steps} s",
        )
    )
    assert final.keys() == set(range(total))
    assert dead(cluster.clickhouse) == 0
    assert broken_sessions(cluster.clickhouse) == []
