"""Validations at the desk, against a real broker: declared, counted, kept, taken away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from schemas.catalog import Collection
from schemas.commands import (
    CreateSource,
    DeclareSchema,
    ShowValidations,
    StopValidating,
    Validate,
)
from schemas.errors import HeadraceError
from schemas.validations import MAX_OF_TYPE, Validation
from tests.deploy.desks import Installation, Process
from tests.ingest.kafka import Kafka, until

MONEY = Validation("orders", "money", {"required": ["price"]})


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    async with Kafka(tmp_path / "kafka") as kafka:
        installation = Installation(kafka, tmp_path)
        await installation.prepare()
        async with installation.process() as process:
            await process.desk.do(CreateSource({"id": "shop"}))
        yield installation


@pytest.fixture
async def process(installation: Installation) -> AsyncIterator[Process]:
    async with installation.process() as process:
        yield process


async def listed(process: Process) -> Any:
    return await process.desk.do(ShowValidations("shop"))


async def test_a_validation_is_declared_kept_and_taken_away(
    installation: Installation, process: Process
) -> None:
    assert await process.desk.do(Validate("shop", MONEY)) == MONEY
    await process.desk.do(DeclareSchema("shop", "orders", {"price": "double"}))
    other = Validation("orders", "money", {"minProperties": 1})
    assert await process.desk.do(Validate("shop", other)) == other
    held = Collection("shop", "orders", {"price": "double"}, 1, {}, {"money": other.schema})
    async with installation.process() as fresh:
        assert await listed(fresh) == (other,)
        assert fresh.tail.catalog.of("shop") == (held,)
        assert await fresh.desk.do(StopValidating("shop", "money")) is None
        assert await listed(fresh) == ()
    await until(lambda: not process.tail.catalog.of("shop")[0].validations)


@pytest.mark.parametrize(
    ("command", "code", "status", "words"),
    [
        (ShowValidations("blog"), "source-unknown", 404, "no source"),
        (Validate("blog", MONEY), "source-unknown", 404, "no source"),
        (StopValidating("blog", "money"), "source-unknown", 404, "no source"),
        (StopValidating("shop", "paid"), "validation-unknown", 404, "'paid'"),
        (Validate("shop", Validation(" ", "a", {})), "collection-invalid", 400, "1 to 256"),
        (
            Validate("shop", Validation("c", "a", {"properties": {"x": {"type": "objekt"}}})),
            "schema-invalid",
            400,
            "at /properties/x/type of the schema: ",
        ),
        (
            Validate("shop", Validation("c", "a", {"$ref": "http://127.0.0.1:1/"})),
            "schema-invalid",
            400,
            "at /$ref of the schema: nothing is fetched",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(
    process: Process, command: Any, code: str, status: int, words: str
) -> None:
    with pytest.raises(HeadraceError) as caught:
        await process.desk.do(command)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert words in caught.value.message
    assert process.tail.catalog.of("shop") == ()


async def test_processes_that_declare_at_once_agree_on_how_many_there_are(
    installation: Installation,
) -> None:
    async with installation.process() as one, installation.process() as two:
        tries = [
            each.desk.do(Validate("shop", Validation("orders", f"v{each is one:d}-{n}", {})))
            for n in range(MAX_OF_TYPE)
            for each in (one, two)
        ] + [
            each.desk.do(Validate("shop", Validation(kind, "same", {})))
            for each, kind in ((one, "carts"), (two, "sales"))
        ]
        done = await asyncio.gather(*tries, return_exceptions=True)
        codes = [result.code for result in done if isinstance(result, HeadraceError)]
        assert sorted(codes) == ["too-many-validations"] * MAX_OF_TYPE + ["validation-exists"]
        await until(
            lambda: one.tail.read_to("headrace.schemas") == two.tail.read_to("headrace.schemas")
        )
        kept = await listed(one)
        assert kept == await listed(two)
        assert sum(each.event_type == "orders" for each in kept) == MAX_OF_TYPE
