import pytest

from schemas import codec
from schemas.catalog import Collection
from schemas.commands import DeclareSchema
from schemas.errors import Unavailable
from tests.ingest.call import Call
from tests.ingest.plain import World, world

GOOD = {"what": "sale", "price": 1}
NEW_FIELD = {"what": "sale", "colour": "red"}
NEW_COLLECTION = {"what": "visit", "price": 1}
DEAD = {"price": 1}


async def send(at: World, *events: object, key: str = "frozen-key") -> tuple[int, str]:
    at.feed.catalog.put(Collection("frozen", "sale", {"price": "double"}))
    answer = await Call("/send", codec.dumps(events), headers={"x-key": key}).answer(at.app)
    return answer.status, answer.json.get("plain", "")


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((GOOD,), 200),
        ((NEW_FIELD,), 400),
        ((NEW_COLLECTION,), 400),
        ((NEW_FIELD, NEW_COLLECTION), 400),
        ((NEW_FIELD, GOOD), 200),
        ((DEAD,), 200),
        ((NEW_FIELD, DEAD), 200),
        ((), 200),
    ],
)
async def test_only_what_can_never_fit_is_refused(events: tuple[object, ...], status: int) -> None:
    at = world()
    expected = (status, "schema-frozen" if status == 400 else "")
    assert await send(at, *events) == expected
    assert len(at.kept.taken) == (len(events) if status == 200 else 0)


async def test_a_master_key_adds_to_it() -> None:
    at = world()
    events = (NEW_FIELD, {"what": "visit", "none": None}, GOOD, DEAD, {"what": "sale", "deep": [1]})
    assert await send(at, *events, key="frozen-master") == (200, "")
    assert len(at.kept.taken) == len(events)
    assert sorted(at.desk.done, key=str) == [
        DeclareSchema("frozen", "sale", {"colour": "string", "deep": "array<double>"}),
        DeclareSchema("frozen", "visit", {}),
    ]


async def test_a_master_key_that_adds_nothing_declares_nothing() -> None:
    at = world()
    assert await send(at, GOOD, {"what": "sale", "none": None}, key="frozen-master") == (200, "")
    assert at.desk.done == []


async def test_events_are_kept_only_when_what_they_add_is() -> None:
    at = world()
    at.desk.error = Unavailable("broker-unavailable", "Kafka is away")
    assert await send(at, NEW_FIELD, key="frozen-master") == (503, "broker-unavailable")
    assert at.kept.taken == []


async def test_other_sources_are_not_held_against_a_schema() -> None:
    assert await send(world(), NEW_FIELD, key="shop-key") == (200, "")
