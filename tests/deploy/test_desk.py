"""The desk against a real broker: what it does, refuses, and never loses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.declare import declare, end_offsets
from schemas.catalog import Collection
from schemas.commands import (
    AddKey,
    ChangeSource,
    CreateSource,
    DeclareSchema,
    DeleteSource,
    Erase,
    Issued,
    ListSources,
    Nothing,
    RevokeKey,
    RotateKey,
    SaveSource,
    Select,
    SelectProfiles,
    ShowSchema,
    ShowSource,
)
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.sources import Source
from schemas.topics import Topic
from tests.deploy.desks import NOW, Installation, Process
from tests.ingest.kafka import Kafka, until

LINK = {"id": "sale", "url": "https://s.example/", "event_type": "sale-opened"}


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Kafka(tmp_path / "kafka") as kafka:
        installation = Installation(kafka, tmp_path)
        await installation.prepare()
        yield installation


@pytest.fixture
async def process(installation: Installation) -> AsyncIterator[Process]:
    async with installation.process() as process:
        yield process


async def create(process: Process, source_id: str = "shop", **fields: Any) -> Issued:
    issued = await process.desk.do(CreateSource({"id": source_id, **fields}))
    assert isinstance(issued, Issued)
    return issued


async def refused(process: Process, command: Any) -> tuple[str, int]:
    with pytest.raises(HeadraceError) as caught:
        await process.desk.do(command)
    return caught.value.code, caught.value.status


async def outcome(process: Process, command: Any) -> str:
    """Do it; the code of its refusal, or done."""
    try:
        await process.desk.do(command)
    except HeadraceError as error:
        return error.code
    return "done"


async def registry_of(installation: Installation) -> dict[str, Source]:
    """What a process that starts now finds, compaction before it or not."""
    async with installation.process() as fresh:
        found = {source.id: source for source in await fresh.desk.do(ListSources())}
    assert await installation.left_by_compaction() == found
    return found


async def test_a_new_source_has_a_topic_and_one_write_key(
    installation: Installation, process: Process
) -> None:
    issued = await create(process, name="Shop")
    ((key_id, clear),) = issued.clear.items()
    assert clear.startswith("hrw_")
    source, key = process.tail.registry.find_key(clear) or pytest.fail("the key is not known")
    assert (source, key.id, key.type) == (issued.source, key_id, "write")
    assert (source.created_at, source.updated_at) == (NOW, NOW)
    assert key_id not in key.hash
    assert await registry_of(installation) == {"shop": source}
    topic = installation.settings.topics.raw("shop").name
    assert len(await end_offsets(installation.kafka.address, [topic])) == 4


async def test_what_is_asked_is_answered(process: Process) -> None:
    source = (await create(process)).source
    assert await process.desk.do(ShowSource(" SHOP ")) == source
    assert await process.desk.do(ListSources()) == (source,)
    assert await process.desk.do(Nothing()) is None
    assert await process.desk.do(Select("shop", None, "acme")) == [{"rows": 1}]
    assert await process.desk.do(Erase("shop", "acme")) == 7
    (user,) = await process.desk.do(SelectProfiles("shop"))
    assert user.user_ids == ("u1",)
    assert process.rows.asked == [
        ("shop", None, "acme"),
        ("shop", "acme"),
        (SelectProfiles("shop"),),
    ]


async def test_a_source_changes_and_goes(installation: Installation, process: Process) -> None:
    await create(process)
    installation.now += 5
    changed = await process.desk.do(ChangeSource("shop", {"enabled": False, "name": "S"}))
    assert (changed.enabled, changed.name, changed.updated_at) == (False, "S", NOW + 5)
    installation.now += 5
    assert await process.desk.do(ChangeSource("shop", {"name": "S"})) == changed
    assert await registry_of(installation) == {"shop": changed}
    assert await process.desk.do(DeleteSource("Shop")) is None
    assert await registry_of(installation) == {}
    assert (await create(process)).source.enabled


async def test_saving_makes_or_changes(process: Process) -> None:
    made = await process.desk.do(SaveSource({"id": "hook", "bridge": "webhook"}))
    assert (made.bridge, made.keys) == ("webhook", ())
    changed = await process.desk.do(SaveSource({"id": "hook", "name": "Hook"}))
    assert (changed.bridge, changed.name) == ("webhook", "Hook")


async def test_keys_are_added_rotated_and_revoked(
    installation: Installation, process: Process
) -> None:
    (first,) = (await create(process)).clear
    added = await process.desk.do(AddKey("shop", "query", "acme", "Ann", NOW + 1))
    ((query, clear),) = added.clear.items()
    assert clear.startswith("hrq_")
    key = added.source.keys[-1]
    assert (key.customer, key.name, key.expires_at) == ("acme", "Ann", NOW + 1)
    rotated = await process.desk.do(RotateKey("shop", "write", overlap=60))
    ends = {each.id: each.expires_at for each in rotated.source.keys}
    (new,) = rotated.clear
    assert ends == {first: NOW + 60_000, query: NOW + 1, new: 0}
    revoked = await process.desk.do(RevokeKey("shop", clear))
    assert [each.id for each in revoked.keys] == [first, new]
    assert (await process.desk.do(AddKey("shop", "master"))).clear
    assert (await registry_of(installation))["shop"].keys[-1].type == "master"


async def test_what_cannot_be_is_refused(process: Process) -> None:
    await create(process, redirects=[LINK])
    adopted = CreateSource({"id": "app"}, write_key=" one-key ")
    assert (await process.desk.do(adopted)).clear.popitem()[1] == "one-key"
    for command, code, status in (
        (CreateSource({"id": "shop"}), "source-exists", 409),
        (CreateSource({"id": "blog"}, write_key="one-key"), "key-exists", 409),
        (CreateSource({"id": "blog"}, write_key="two words"), "key-invalid", 400),
        (CreateSource({"id": "blog", "colour": 1}), "source-invalid", 400),
        (CreateSource({"id": "blog", "protocol": "headrace"}), "source-invalid", 400),
        (CreateSource({"id": "blog", "redirects": [LINK]}), "redirect-exists", 409),
        (ChangeSource("app", {"redirects": [LINK]}), "redirect-exists", 409),
        (ChangeSource("app", {"keys": []}), "source-invalid", 400),
        (ChangeSource("blog", {}), "source-unknown", 404),
        (ShowSource("blog"), "source-unknown", 404),
        (ShowSchema("blog"), "source-unknown", 404),
        (DeleteSource("blog"), "source-unknown", 404),
        (AddKey("blog", "write"), "source-unknown", 404),
        (AddKey("shop", "write", expires_at=NOW), "key-invalid", 409),
        (RevokeKey("shop", "nothing"), "key-unknown", 404),
        (Erase("shop", ""), "customer-missing", 400),
        (DeclareSchema("shop", "c", {"a": "float"}), "collection-invalid", 400),
    ):
        assert await refused(process, command) == (code, status), command


async def test_a_topic_cut_otherwise_is_named(installation: Installation, process: Process) -> None:
    await declare(installation.kafka.address, [Topic("headrace.raw.odd", 5)])
    assert await refused(process, CreateSource({"id": "odd"})) == ("topic-mismatch", 409)


async def test_schemas_are_declared_seen_and_frozen(
    installation: Installation, process: Process
) -> None:
    await create(process)
    declared = await process.desk.do(DeclareSchema("shop", "orders", {"price": "double"}))
    assert declared == Collection("shop", "orders", {"price": "double"}, 1)
    process.rows.seen = {"orders": {"price": "string", "sku": "string"}, "carts": {"n": "long"}}
    known = (
        Collection("shop", "carts", {"n": "long"}, 1),
        Collection("shop", "orders", {"price": "double", "sku": "string"}, 2),
    )
    assert await process.desk.do(ShowSchema("shop")) == known
    assert process.tail.catalog.of("shop") == (declared,)
    await process.desk.do(ChangeSource("shop", {"dynamic_schema": False}))
    assert process.tail.catalog.of("shop") == known
    asked = len(process.rows.asked)
    await process.desk.do(ChangeSource("shop", {"dynamic_schema": False, "name": "S"}))
    assert len(process.rows.asked) == asked
    async with installation.process() as fresh:
        assert fresh.tail.catalog.of("shop") == known


async def test_processes_that_write_at_once_lose_nothing(installation: Installation) -> None:
    async with (
        installation.process() as one,
        installation.process() as two,
        installation.process() as three,
    ):
        await create(one)
        await until(lambda: all(len(each.tail.registry) == 1 for each in (two, three)))
        names = [f"{number}" for number in range(8)]
        changes = [
            each.desk.do(AddKey("shop", "query", name=f"{process}-{name}"))
            for name in names
            for process, each in enumerate((one, two, three))
        ]
        await asyncio.gather(*changes, one.desk.do(ChangeSource("shop", {"name": "Shop"})))
    shop = (await registry_of(installation))["shop"]
    wanted = {f"{process}-{name}" for name in names for process in range(3)}
    assert {key.name for key in shop.keys if key.type == "query"} == wanted
    assert shop.name == "Shop"


async def test_one_of_two_that_make_the_same_source_is_told(installation: Installation) -> None:
    async with installation.process() as one, installation.process() as two:
        for number in range(5):
            made = CreateSource({"id": f"s{number}"})
            outcomes = await asyncio.gather(outcome(one, made), outcome(two, made))
            assert sorted(outcomes) == ["done", "source-exists"]
    assert len(await registry_of(installation)) == 5


@pytest.mark.parametrize("claim", ["link", "key"])
async def test_one_of_two_that_claim_the_same_is_told(
    installation: Installation, claim: str
) -> None:
    async with installation.process() as one, installation.process() as two:
        for number in range(5):
            a, b = (
                CreateSource(
                    {"id": f"{name}{number}", "redirects": [{**LINK, "id": f"l{number}"}]}
                    if claim == "link"
                    else {"id": f"{name}{number}"},
                    write_key=f"key-{number}" if claim == "key" else "",
                )
                for name in "ab"
            )
            outcomes = await asyncio.gather(outcome(one, a), outcome(two, b))
            assert sorted(outcomes) == [
                "done",
                "redirect-exists" if claim == "link" else "key-exists",
            ]
    assert len(await registry_of(installation)) == 5


async def test_a_change_of_what_another_has_deleted_is_told(installation: Installation) -> None:
    async with installation.process() as one, installation.process() as two:
        for number in range(5):
            name = f"s{number}"
            await create(one, name)
            await until(lambda name=name: two.tail.registry.get(name) is not None)  # type: ignore[misc]
            outcomes = await asyncio.gather(
                outcome(one, DeleteSource(name)), outcome(two, AddKey(name, "query"))
            )
            assert outcomes[0] == "done"
            assert outcomes[1] in {"done", "source-unknown"}
            assert two.tail.registry.get(name) is None or outcomes[1] == "done"
    assert await registry_of(installation) == {}


async def test_everything_survives_the_broker(installation: Installation, process: Process) -> None:
    before = (await create(process)).source
    await installation.kafka.stop()
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(Unavailable) as caught:
        await process.desk.do(ChangeSource("shop", {"name": "Away"}))
    assert caught.value.code == "broker-unavailable"
    assert loop.time() - began < 15
    assert await process.desk.do(ShowSource("shop")) == before
    with pytest.raises(Unavailable):
        await process.desk.do(CreateSource({"id": "app"}))
    await installation.kafka.start()

    async def renamed() -> bool:
        return await outcome(process, ChangeSource("shop", {"name": "Back"})) == "done"

    async with asyncio.timeout(30):
        while not await renamed():
            pass
    after = await registry_of(installation)
    assert after["shop"].name == "Back"
    assert after["shop"].keys == before.keys


async def test_the_archive_is_closed_when_it_was_needed(installation: Installation) -> None:
    async with installation.process() as idle:
        await create(idle)
    async with installation.process() as asking:
        await asking.desk.do(ShowSchema("shop"))
    assert (idle.rows.closed, asking.rows.closed) == (False, True)


async def test_a_malformed_command_costs_no_turn(process: Process) -> None:
    with pytest.raises(Malformed):
        await process.desk.do(CreateSource({}))
    assert await outcome(process, CreateSource({"id": "shop"})) == "done"
