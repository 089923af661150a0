"""Scheduled tasks of a running pipeline, as their owners ask for them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deploy.tasks.serving import Give, Site
from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import STORED_SECONDS

SOURCE = "fetched"
RUN_SECONDS = 60.0
"""A worker that died is missed after six seconds; the rest is for a busy machine."""


def tasks(shop: Pipeline, *arguments: str) -> Row:
    done = shop.headrace("tasks", *arguments)
    assert done.returncode == 0, done.stderr
    shown: Row = json.loads(done.stdout)
    return shown


def create(shop: Pipeline, task_id: str, script: Path, site: Site, *more: str) -> None:
    known = ("--source", SOURCE, "--allow", "127.0.0.0/8", "--param", f"url={site.url}")
    tasks(shop, "create", task_id, *known, "--script", str(script), "--every", "1h", *more)


def call(shop: Pipeline, method: str, path: str, value: Any = None) -> Any:
    body = b"" if value is None else json.dumps(value).encode()
    headers = [("Authorization", f"Bearer {Admin(shop).key}")]
    return shop.client.send(method, f"/api{path}", headers, body)


def ended(shop: Pipeline, task_id: str, runs: int = 1) -> list[Row]:
    """Wait until a task ran so often; its results, the latest first."""
    return eventually(
        lambda: list(call(shop, "GET", f"/tasks/{task_id}/log").json["runs"]),
        until=lambda seen: len(seen) >= runs,
        within=RUN_SECONDS,
        what=f"{task_id} ran {runs} times",
    )


def stored(shop: Pipeline, event_type: str, count: int) -> list[Row]:
    """Wait until so many rows are there; all of them, also what ClickHouse has not merged yet."""
    return eventually(
        lambda: shop.sql(
            "SELECT properties, profile_id, event_time FROM headrace.events "
            "WHERE event_type = {type:String} ORDER BY message_id",
            type=event_type,
        ),
        until=lambda rows: len(rows) >= count,
        within=STORED_SECONDS,
        what=f"{count} rows of {event_type}",
    )


@dataclass
class Api:
    """Pages of three items by a cursor; refuses who shows no token."""

    items: list[Row] = field(default_factory=list)

    def page(self, got: Any) -> Give:
        if got.headers.get("authorization") != "Bearer s3cret-token":
            return Give(401, b"who are you?")
        _, _, cursor = got.path.partition("cursor=")
        begin = int(cursor or 0)
        some = self.items[begin : begin + 3]
        onward = begin + 3 if begin + 3 < len(self.items) else None
        return Give(body=json.dumps({"data": {"items": some}, "next": onward}).encode())


def rows(count: int) -> bytes:
    """A table, two of whose rows are bad."""
    day = "2026-01-02T03:04:05Z"
    lines = [f"{day},visitor-number-{n % 700},{n}" for n in range(count)]
    lines[3] += ",too many"
    lines[5] = "never,visitor-number-5,5"
    return "\n".join(["ts,user_id,n", *lines, ""]).encode()
