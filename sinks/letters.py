"""Dead letters as they are kept: found, shown, handed out, and noted as sent through again."""

import base64
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from schemas import codec
from sinks.clickhouse import ClickHouse, identifier

PAGE: Final = 20_000
PART_LETTERS: Final = 2_000
PART_BYTES: Final = 16 << 20

# A visitor's events must come again in the order in which they came first.
_PLACE: Final = (
    "(toString(topic), partition, offset, toUnixTimestamp64Milli(failed_at), toString(letter_id))"
)
_REPLAYED: Final = "SELECT letter_id FROM {}.dead_replays"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; what is "", empty or None asks for nothing.

    Attributes:
        ids: letter ids, UUID text.
        since, until: when they failed, Unix ms; until is not included.
        code, source_id, stage: equal to the columns of these names.
    """

    ids: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None
    code: str = ""
    source_id: str = ""
    stage: str = ""

    def where(self) -> tuple[list[str], dict[str, Any]]:
        """Conditions on ``dead_letters`` and their parameters."""
        given: list[tuple[str, str, Any]] = [
            ("letter_id IN {ids:Array(UUID)}", "ids", list(self.ids) or None),
            ("failed_at >= fromUnixTimestamp64Milli({since:Int64})", "since", self.since),
            ("failed_at < fromUnixTimestamp64Milli({until:Int64})", "until", self.until),
            ("code = {code:String}", "code", self.code or None),
            ("source_id = {source:String}", "source", self.source_id or None),
            ("stage = {stage:String}", "stage", self.stage or None),
        ]
        asked = [each for each in given if each[2] is not None]
        return ["1", *(term for term, _, _ in asked)], {name: value for _, name, value in asked}


class Kept(NamedTuple):
    """A letter as it is handed out for another try; where it came from, and its bytes."""

    letter_id: str
    source_id: str
    stage: str
    code: str
    reason: str
    event_id: str
    topic: str
    partition: int
    offset: int
    original: bytes


class Group(NamedTuple):
    """Letters that have stage, source and code in common, and how many were sent again."""

    stage: str
    source_id: str
    code: str
    letters: int
    replayed: int


def listing(database: str, wanted: Wanted, limit: int) -> tuple[str, dict[str, Any]]:
    """Write the query for a table of letters, the newest first, and its parameters."""
    terms, parameters = wanted.where()
    name = identifier(database)
    sql = (
        "SELECT letter_id, failed_at, stage, code, source_id, event_id,"  # noqa: S608 - an identifier
        " length(original_bytes) AS bytes,"
        " if(toUnixTimestamp64Milli(replays.moment) = 0, '', toString(replays.moment))"
        " AS replayed_at,"
        " if(lengthUTF8(reason) > 100, concat(leftUTF8(reason, 99), '…'), reason) AS why"
        f" FROM (SELECT *, original_bytes FROM {name}.dead_letters FINAL"
        f" WHERE {' AND '.join(terms)}"
        " ORDER BY failed_at DESC, letter_id LIMIT {limit:UInt32}) AS letters"
        " LEFT JOIN (SELECT letter_id,"
        f" max(dead_replays.replayed_at) AS moment FROM {name}.dead_replays GROUP BY letter_id)"
        " AS replays USING (letter_id) ORDER BY failed_at DESC, letter_id"
    )
    return sql, parameters | {"limit": limit}


class Letters:
    """The letters of one installation.

    Args:
        client: its own, for it is closed by :meth:`close`; it must be allowed to insert.
    """

    def __init__(self, client: ClickHouse) -> None:
        self._client = client
        self._letters = f"{client.database}.dead_letters"
        self._replayed = _REPLAYED.format(client.database)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def now(self) -> int:
        """ClickHouse's clock, Unix ms: what is stored later is not of :meth:`parts`.

        Raises:
            Failed: ClickHouse does not answer.
        """
        ((now,),) = await self._client.query("SELECT toUnixTimestamp64Milli(now64(3))")
        return int(now)

    async def show(self, letter_id: str) -> dict[str, Any] | None:
        """Everything about a letter by column name, times as text, and ``replayed_at``.

        Raises:
            Failed: ClickHouse does not answer.
        """
        rows = await self._client.query(
            "SELECT toString(letter_id), stage, code, reason, source_id, event_id, topic,"  # noqa: S608 - an identifier
            " partition, offset, toString(failed_at), toString(stored_at), original,"
            " original_encoding, (SELECT max(replayed_at) FROM "
            f"{self._client.database}.dead_replays WHERE letter_id = {{id:UUID}}) AS replayed"
            f" FROM {self._letters} FINAL WHERE letter_id = {{id:UUID}}",
            {"id": letter_id},
        )
        if not rows:
            return None
        names = (
            *("letter_id", "stage", "code", "reason", "source_id", "event_id", "topic"),
            *("partition", "offset", "failed_at", "stored_at", "original", "original_encoding"),
        )
        shown = dict(zip(names, rows[0], strict=False))
        replayed = rows[0][-1]
        never = replayed is None or replayed.year < 2000  # noqa: PLR2004 - ClickHouse's zero is 1970
        return shown | {"replayed_at": None if never else f"{replayed:%Y-%m-%d %H:%M:%S}"}

    async def groups(self, wanted: Wanted, before: int) -> list[Group]:
        """Count what is wanted and was stored until ``before`` (ClickHouse's clock, Unix ms).

        Raises:
            Failed: ClickHouse does not answer.
        """
        terms, parameters = self._terms(wanted, before, again=True)
        rows = await self._client.query(
            "SELECT stage, source_id, code, count(), "  # noqa: S608 - identifiers
            f"countIf(letter_id IN ({self._replayed})) FROM {self._letters} FINAL"
            f" WHERE {terms} GROUP BY stage, source_id, code ORDER BY stage, source_id, code",
            parameters,
        )
        return [Group(*row) for row in rows]

    async def parts(self, wanted: Wanted, before: int, *, again: bool) -> AsyncIterator[list[Kept]]:
        """Hand out the letters in the order of the records they came from, a few at a time.

        Args:
            before: ClickHouse's clock, Unix ms; letters stored later are left for another time,
                or what fails anew would come round for ever.
            again: those, too, that were noted as sent.

        Raises:
            Failed: ClickHouse does not answer.
        """
        after: tuple[Any, ...] = ("", -1, -1, -1, "")
        while places := await self._places(wanted, before, after, again=again):
            after = places[-1][0]
            for first, last in _cut(places):
                part = await self._between(wanted, before, first, last, again=again)
                if part:
                    yield part

    async def note(self, sent: Iterable[tuple[Kept, int]]) -> None:
        """Note letters as sent, each with the offset of the record that holds it now.

        Raises:
            Failed: ClickHouse does not answer; what was sent may be sent again.
        """
        lines = [
            codec.dumps(
                {
                    "source_id": letter.source_id,
                    "letter_id": letter.letter_id,
                    "topic": letter.topic,
                    "partition": letter.partition,
                    "offset": offset,
                }
            )
            + b"\n"
            for letter, offset in sent
        ]
        if lines:
            await self._client.insert("dead_replays", lines)

    def _terms(self, wanted: Wanted, before: int, *, again: bool) -> tuple[str, dict[str, Any]]:
        terms, parameters = wanted.where()
        terms.append("stored_at <= fromUnixTimestamp64Milli({before:Int64})")
        if not again:
            terms.append(f"letter_id NOT IN ({self._replayed})")
        return " AND ".join(terms), parameters | {"before": before}

    async def _places(
        self, wanted: Wanted, before: int, after: tuple[Any, ...], *, again: bool
    ) -> list[tuple[tuple[Any, ...], int]]:
        terms, parameters = self._terms(wanted, before, again=again)
        rows = await self._client.query(
            f"SELECT {_PLACE} AS place, length(original) FROM {self._letters} FINAL"  # noqa: S608 - identifiers
            f" WHERE {terms} AND {_PLACE} > {_bound('after')}"
            f" ORDER BY place LIMIT {PAGE}",
            parameters | _bind("after", after),
        )
        return [(tuple(place), int(size)) for place, size in rows]

    async def _between(
        self,
        wanted: Wanted,
        before: int,
        first: tuple[Any, ...],
        last: tuple[Any, ...],
        *,
        again: bool,
    ) -> list[Kept]:
        terms, parameters = self._terms(wanted, before, again=again)
        rows = await self._client.query(
            "SELECT toString(letter_id), source_id, stage, code, reason, event_id, topic,"  # noqa: S608 - identifiers
            f" partition, offset, original, original_encoding FROM {self._letters} FINAL"
            f" WHERE {terms} AND {_PLACE} >= {_bound('first')} AND {_PLACE} <= {_bound('last')}"
            f" ORDER BY {_PLACE}",
            parameters | _bind("first", first) | _bind("last", last),
        )
        return [Kept._make([*row[:9], original_of(row[9], row[10])]) for row in rows]


def original_of(text: str, encoding: str) -> bytes:
    """The bytes of a letter, out of the columns ``original`` and ``original_encoding``."""
    return base64.b64decode(text) if encoding == "base64" else text.encode()


def _cut(
    places: Sequence[tuple[tuple[Any, ...], int]],
) -> Iterable[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """First and last place of parts that are neither many letters nor many bytes."""
    first, count, weight = 0, 0, 0
    for number, (_, size) in enumerate(places):
        if count and (count >= PART_LETTERS or weight + size > PART_BYTES):
            yield places[first][0], places[number - 1][0]
            first, count, weight = number, 0, 0
        count, weight = count + 1, weight + size
    yield places[first][0], places[-1][0]


def _bound(name: str) -> str:
    types = ("String", "Int32", "Int64", "Int64", "String")
    return f"({', '.join(f'{{{name}{n}:{kind}}}' for n, kind in enumerate(types))})"


def _bind(name: str, place: tuple[Any, ...]) -> dict[str, Any]:
    return {f"{name}{number}": value for number, value in enumerate(place)}
