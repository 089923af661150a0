"""Cases against a running pipeline: requests sent one by one, their rows told apart by time.

Black box: HTTP in, rows out with SQL. This module knows no room.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.cases.answer import Answer
from tests.cases.case import Case, SourceKind
from tests.cases.match import rows_differences
from tests.cases.ways import KEY_TYPES, Feed, Http, filled, fillers, fresh, request
from tests.system.client import Client
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import milliseconds, now_ms

SOURCE_SECONDS: Final = 30.0
JSON_COLUMNS: Final = ("properties", "context")


@dataclass
class Sent:
    """A case that was sent, and what is known of it so far.

    Attributes:
        began_ms, ended_ms: no other case of its source was under way in between.
        wrong: what is not as expected.
    """

    case: Case
    feed: Feed
    names: dict[str, str]
    began_ms: int
    ended_ms: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def source_id(self) -> str:
        """Whose rows its rows are."""
        return self.names["SOURCE"]

    def judge(self, rows: list[Row], dead: list[Row]) -> None:
        """Compare what came of it, and nothing else, with what it expects."""
        expected = [*filled(list(self.case.rows), self.names), *fillers(self.case, self.feed)]
        plain = [as_stored(row) for row in rows]
        self.wrong += rows_differences([as_stored(row) for row in expected], plain, "row")
        self.wrong += rows_differences(
            filled(list(self.case.dead), self.names), dead, "dead letter"
        )


class Runner:
    """Sends cases to a pipeline."""

    def __init__(self, pipeline: Pipeline, admin_key: str) -> None:
        self._pipeline = pipeline
        self._client = Client(pipeline.url)
        self._admin_key = admin_key
        self._names: dict[str, dict[str, str]] = {}
        self._last_ms = 0

    def create(self, kinds: Iterable[SourceKind]) -> None:
        """Create sources, and return when every tier knows them all."""
        for kind in kinds:
            self._names[kind.id] = self._create(kind)
        # the registry is read in order, so whoever knows the last source knows them all
        last = SourceKind("last", secrets.token_hex(4))
        key = self._create(last)["KEY"]
        event = {"event_name": "known"}
        eventually(
            lambda: self._client.post_json("/post", event, x_eventbunker_write_key=key).status,
            until=lambda status: status == 200,
            within=SOURCE_SECONDS,
            what="the edge knows the new sources",
        )
        eventually(
            lambda: self._pipeline.sql(
                "SELECT event_id FROM headrace.events WHERE source_id = {id:String}", id=last.id
            ),
            within=SOURCE_SECONDS,
            what="the processors know the new sources",
        )

    def send(self, case: Case, feed: Feed) -> Sent:
        """Send all requests of a case and judge the answers."""
        while (began_ms := now_ms()) <= self._last_ms:
            pass  # two cases in one millisecond could not be told apart
        names = fresh() | self._names[f"{case.vendor}-{case.source}"]
        sent = Sent(case, feed, names, began_ms)
        for number, step in enumerate(case.steps, 1):
            http = request(case, step, feed, names)
            answer = self.ask(http)
            sent.wrong += [f"step {number}: {each}" for each in answer.wrong(step, http, names)]
            names |= answer.kept(step)
        sent.ended_ms = self._last_ms = now_ms()
        return sent

    def ask(self, http: Http) -> Answer:
        """Send one request as it is."""
        got = self._client.send(http.method, http.target, http.headers.items(), http.body)
        return Answer(got.status, got.headers, got.body)

    def names(self, source_id: str) -> dict[str, str]:
        """Placeholders of a source that was created."""
        return self._names[source_id]

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _create(self, kind: SourceKind) -> dict[str, str]:
        made = self._manage("/api/sources", {**kind.fields, "id": kind.id}, 201)
        names = {"SOURCE": kind.id, "ADMIN": self._admin_key, "KEY": made["keys"][0]["key"]}
        others = [{"as": name, "type": type_} for name, type_ in KEY_TYPES.items()][1:]
        for key in [*others, *kind.keys]:
            wanted = {name: value for name, value in key.items() if name != "as"}
            answered = self._manage(f"/api/sources/{kind.id}/keys", wanted, 201)
            (names[key["as"]],) = (each["key"] for each in answered["keys"] if "key" in each)
        for name, properties in kind.collections.items():
            wanted = {"collection": name, "properties": properties}
            self._manage(f"/api/sources/{kind.id}/schema", wanted, None)
        return names

    def _manage(self, path: str, value: Any, status: int | None) -> Any:
        bearer = f"Bearer {self._admin_key}"
        answer = self._client.post_json(path, value, Authorization=bearer)
        good = answer.status == status if status else answer.status < 300
        assert good, f"{path}: {answer.status} {answer.body!r:.500}"
        return answer.json


def as_stored(row: Mapping[str, Any]) -> Row:
    """A row without what a column of type JSON does not keep: nulls and empty objects."""
    return {name: _kept(value) if name in JSON_COLUMNS else value for name, value in row.items()}


def owner_of(sent: Iterable[Sent], source_id: str, at_ms: int) -> Sent | None:
    """Find the case that was under way when the edge received something."""
    for each in sent:
        if each.source_id == source_id and each.began_ms <= at_ms <= each.ended_ms:
            return each
    return None


def received_ms(row: Row) -> int:
    """When the edge received what became this row or this dead letter; 0 when that is lost."""
    if "received_at" in row:
        return milliseconds(row["received_at"])
    try:
        return int(json.loads(row["original"])["received_at"])
    except (ValueError, KeyError, TypeError):
        return 0


def _kept(value: Any) -> Any:
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if isinstance(value, dict):
        inner = {name: _kept(item) for name, item in value.items()}
        return {name: item for name, item in inner.items() if item is not None and item != {}}
    return value
