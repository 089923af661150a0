import pytest

from schemas import codec
from schemas.catalog import Collection
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
    assert await send(at, NEW_FIELD, key="frozen-master") == (200, "")
    assert len(at.kept.taken) == 1


async def test_other_sources_are_not_held_against_a_schema() -> None:
    assert await send(world(), NEW_FIELD, key="shop-key") == (200, "")
