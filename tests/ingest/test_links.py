"""Links at the edge: whoever follows one that is right goes on, whatever becomes of the event."""

import pytest

from ingest.app import Ingest, build_app
from ingest.door import Bounds
from schemas.ids import Ids
from schemas.metrics import Metrics
from schemas.signed import Link, MakeLinks, make
from schemas.topics import Topics
from schemas.wire import links
from tests.ingest.call import Answer, Call
from tests.ingest.plain import DRAWN, NOW, PARTITIONS, Feed, Kept, registry

IDS = Ids(b"secret")
TARGET = "https://s.example/sale"
SOURCES = ("shop", "off", "nowhere", "frozen", "other", "links")


def edge(kept: Kept, metrics: Metrics, *, requests: int = 9) -> Ingest:
    return build_app(
        vendors=[links],
        publisher=kept,
        feed=Feed(registry()),
        topics=Topics("t", PARTITIONS),
        ids=IDS,
        clock=lambda: NOW,
        new_id=lambda: DRAWN,
        metrics=metrics,
        bounds=Bounds(requests=requests),
    )


def paths(source_id: str = "shop") -> tuple[str, str]:
    (made,) = make(MakeLinks(source_id, (Link(TARGET, recipient="ann"),)), IDS)
    return made.link, made.pixel


def check_gone_on(click: Answer, picture: Answer) -> None:
    assert (click.status, click.header("location"), click.body) == (302, TARGET, b"")
    assert (picture.status, len(picture.body)) == (200, 43)
    for answer in (click, picture):
        assert answer.header("retry-after") is None, "it would hold up whoever is sent on"
        assert "no-store" in (answer.header("cache-control") or "")


async def get(app: Ingest, path: str, method: str = "GET", body: bytes = b"") -> Answer:
    return await Call(path, body, method=method).answer(app)


@pytest.mark.parametrize("source_id", SOURCES)
async def test_people_go_on_whatever_the_source_says(source_id: str) -> None:
    kept, metrics = Kept(), Metrics()
    app = edge(kept, metrics)
    click, picture = [await get(app, path) for path in paths(source_id)]
    check_gone_on(click, picture)
    taken = source_id in {"shop", "other", "links"}
    assert len(kept.taken) == (2 if taken else 0)
    assert (click.header("set-cookie") is not None) == taken


async def test_people_go_on_while_no_event_can_be_kept_and_it_is_counted() -> None:
    kept, metrics = Kept(), Metrics()
    kept.away()
    app = edge(kept, metrics)
    check_gone_on(*[await get(app, path) for path in paths()])
    text = (await get(app, "/metrics")).body.decode()
    assert 'headrace_ingest_refused_total{code="broker-unavailable"} 2' in text


async def test_people_go_on_when_the_edge_is_full_and_when_it_has_a_fault() -> None:
    kept = Kept()
    check_gone_on(*[await get(edge(kept, Metrics(), requests=0), path) for path in paths()])
    kept.error = ZeroDivisionError()
    check_gone_on(*[await get(edge(kept, Metrics()), path) for path in paths()])
    assert kept.taken == []


async def test_a_look_is_no_visit() -> None:
    kept = Kept()
    click, picture = [await get(edge(kept, Metrics()), path, "HEAD") for path in paths()]
    assert (click.status, click.header("location")) == (302, TARGET)
    assert (picture.status, picture.header("content-length")) == (200, "43")
    assert click.header("set-cookie") is None
    assert kept.taken == []


async def test_a_link_is_for_getting_and_a_forged_one_for_nothing() -> None:
    kept = Kept()
    app = edge(kept, Metrics())
    click, picture = paths()
    posted = await get(app, click, "POST", b"{}")
    assert (posted.status, posted.header("allow")) == (405, "GET, HEAD")
    swapped = [click.replace("/l/", "/o/") + ".gif", picture.replace("/o/", "/l/")]
    for path in (click + "x", click.replace("shop", "other"), *swapped):
        answer = await get(app, path)
        assert (answer.status, answer.header("location")) == (404, None), path
        assert answer.json["error"]["code"] == "link-forged"
    assert kept.taken == []
