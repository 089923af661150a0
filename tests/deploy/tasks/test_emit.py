"""Ids of the events of a run: done twice it gives the same, and what is new gets new ones."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.registry import Tail
from deploy.settings import Settings
from deploy.tasks.emit import TRIED, Emitter
from deploy.tasks.host import Stopped
from ingest.publish import KafkaPublisher
from schemas import envelope
from schemas.catalog import Catalog
from schemas.errors import HeadraceError, Unavailable
from schemas.metrics import Metrics
from schemas.sources import Limits, Registry, Source
from schemas.tasks import Task

NOW = 1_795_196_900_000
TASK = Task("orders", "shop", "x", every=60)
SETTINGS = Settings(data=Path("/nowhere"), partitions=4)


@dataclass
class Published:
    """Takes what is published, after as many refusals as a test wants."""

    records: list[list[bytes]] = field(default_factory=list)
    refusals: int = 0

    async def publish(self, topic: str, lines: Mapping[int, list[bytes]], now: int) -> None:
        assert topic == "headrace.raw.shop"
        assert now == NOW
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("broker-unavailable", "away")
        self.records.append([line for some in lines.values() for line in some])

    @property
    def raws(self) -> list[envelope.RawEvent]:
        return [envelope.read(line) for record in self.records for line in record]

    @property
    def ids(self) -> list[str]:
        return [raw.event_id for raw in self.raws]


@dataclass
class Known:
    """What a tail knows."""

    registry: Registry
    catalog: Catalog = field(default_factory=Catalog)


def emitter(
    published: Published | None = None,
    source: Source | None = Source("shop"),  # noqa: B008 - immutable
    *,
    checkpoint: int = 0,
    seconds: float = 30,
    scheduled_at: int = NOW,
    dry: bool = False,
    over: Stopped | None = None,
) -> Emitter:
    registry = Registry()
    if source is not None:
        registry.put(source)
    return Emitter(
        SETTINGS,
        TASK,
        tail=cast("Tail", Known(registry)),
        publisher=cast("KafkaPublisher", published),
        metrics=Metrics(),
        clock=lambda: NOW,
        new_id=lambda: "unused",
        run=f"orders:{scheduled_at}",
        scheduled_at=scheduled_at,
        checkpoint=checkpoint,
        over=lambda: over,
        deadline=time.monotonic() + seconds,
        dry=dry,
    )


def named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name} for name in names]


async def ids(*batches: list[dict[str, Any]], **more: Any) -> list[str]:
    published = Published()
    made = emitter(published, **more)
    for batch in batches:
        await made.emit(batch)
    return published.ids


async def test_a_run_done_twice_gives_the_same_ids() -> None:
    once = await ids(named("a", "b", "a"), named("a"))
    again = await ids(named("b", "a"), named("a", "a"))
    assert len(set(once)) == 4
    assert set(once) == set(again)


async def test_what_is_new_when_it_is_done_again_is_an_event_of_its_own() -> None:
    before, after = await ids(named("a", "b")), await ids(named("new", "a", "b"))
    assert set(before) < set(after)
    assert len(set(after)) == 3


async def test_another_run_and_another_checkpoint_are_other_events() -> None:
    found = [
        *await ids(named("a")),
        *await ids(named("a"), scheduled_at=NOW + 1),
        *await ids(named("a"), checkpoint=1),
    ]
    assert len(set(found)) == 3


async def test_a_run_that_goes_on_from_its_checkpoint_names_on() -> None:
    published = Published()
    whole = emitter(published)
    await whole.emit(named("a"))
    whole.saved()
    await whole.emit(named("a", "b"))
    assert len(set(published.ids)) == 3
    rest = await ids(named("a", "b"), checkpoint=1)
    assert set(rest) == set(published.ids[1:])


async def test_an_id_of_the_scripts_own_is_kept() -> None:
    own = {"name": "a", "id": "order-7"}
    assert len({*await ids([own]), *await ids([own], scheduled_at=NOW + 5)}) == 1


async def test_events_are_as_an_edge_writes_them() -> None:
    published = Published()
    await emitter(published).emit([{"name": "a", "id": 7, "user_id": "u", "time": NOW - 5}])
    (raw,) = published.raws
    assert (raw.protocol, raw.endpoint, raw.source_id) == ("task", "orders", "shop")
    assert (raw.message_id, raw.visitor, raw.received_at) == ("7", "u", NOW)
    assert raw.batch == {"task": "orders", "scheduled_at": NOW}


@pytest.mark.parametrize(
    ("source", "event", "code"),
    [
        (None, {"name": "a"}, "source-unknown"),
        (Source("shop", enabled=False), {"name": "a"}, "source-disabled"),
        (Source("shop", dynamic_schema=False), {"name": "a"}, "schema-frozen"),
        (Source("shop"), {}, "missing"),
        (Source("shop"), "a", "dict-type"),
        (Source("shop"), {"name": "a", "price": 1}, "value-error"),
        (Source("shop"), {"name": "a", "properties": {"x": "y" * (1 << 20)}}, "event-too-large"),
    ],
)
async def test_what_cannot_be_published_is_told(
    source: Source | None, event: Any, code: str
) -> None:
    published = Published()
    with pytest.raises(HeadraceError) as caught:
        await emitter(published, source).emit([event])
    assert caught.value.code == code
    assert published.records == []


async def test_a_source_takes_so_many_at_once() -> None:
    published = Published()
    source = replace(Source("shop"), limits=Limits(events_per_request=2))
    await emitter(published, source).emit(named("a", "b", "c", "d", "e"))
    assert [len(record) for record in published.records] == [2, 2, 1]


async def test_it_waits_for_a_broker_that_is_away() -> None:
    published = Published(refusals=1)
    await emitter(published).emit(named("a"))
    assert len(published.ids) == 1


async def test_but_no_longer_than_the_run_may_take() -> None:
    for over, refusals, code in (
        (None, 99, "broker-unavailable"),
        (Stopped("run-moved", ""), 0, "run-moved"),
    ):
        with pytest.raises(Stopped) as caught:
            await emitter(Published(refusals=refusals), seconds=0.2, over=over).emit(named("a"))
        assert caught.value.code == code
    with pytest.raises(Stopped) as caught:
        await emitter(Published(), seconds=-1).emit(named("a"))
    assert caught.value.code == "run-timeout"


async def test_a_dry_run_publishes_nothing_and_shows_some() -> None:
    published = Published()
    made = emitter(published, dry=True)
    await made.emit(named(*map(str, range(TRIED + 5))))
    assert published.records == []
    assert made.tried == named(*map(str, range(TRIED)))


@settings(max_examples=30)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.data())
async def test_however_a_run_is_cut_its_events_are_the_same(
    names: list[str], data: st.DataObject
) -> None:
    """Broken off after some events, it is done again from its beginning."""
    cut = data.draw(st.integers(0, len(names)))
    published = Published()
    await emitter(published).emit(named(*names[:cut]))
    await emitter(published).emit(named(*data.draw(st.permutations(names))))
    assert len(set(published.ids)) == len(names)
