"""What was answered with success is a row or a dead letter, unless its client wanted neither."""

import asyncio
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings

from tests.cases.case import SourceKind, all_sources
from tests.cases.rooms import Rooms
from tests.ingest.anything import Sent, near_valid, source_names


class Counting(Rooms):
    """Counts what the edge published."""

    def __init__(self) -> None:
        super().__init__(all_sources().values(), _names)
        self.runner = asyncio.Runner()
        self.published = 0

    async def publish(
        self, topic: str, lines: Mapping[int, list[bytes]], received_at: int = 0
    ) -> None:
        self.published += sum(map(len, lines.values()))
        await super().publish(topic, lines, received_at)

    def status(self, sent: Sent) -> int:
        return self.runner.run(sent.call().answer(self.app)).status

    @property
    def accounted(self) -> int:
        return len(self.rows) + len(self.dead) + self.unsaved


def _names(kind: SourceKind) -> dict[str, str]:
    return source_names(kind.id) | {key["as"]: f"{kind.id}-{key['as']}" for key in kind.keys}


@pytest.fixture(scope="module")
def rooms() -> Iterator[Counting]:
    made = Counting()
    yield made
    made.runner.close()


@given(sent=near_valid())
@settings(max_examples=800)
def test_whatever_is_taken_is_accounted_for(rooms: Counting, sent: Sent) -> None:
    before = rooms.published
    status = rooms.status(sent)
    assert status < 500 or status == 503
    assert rooms.accounted == rooms.published
    assert status < 400 or status == 409 or rooms.published == before
