"""The scripts that are ready to be used, run against a server that answers as such services do."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from deploy.tasks.addresses import networks
from deploy.tasks.host import Host
from deploy.tasks.order import order_of
from deploy.tasks.script import Failed, run_script
from deploy.tasks.templates import every, find
from schemas.wire.tasks.event import checked
from tests.deploy.tasks.serving import Give, Got, Site, serving


@dataclass
class Kept:
    """What a run leaves behind."""

    state: dict[str, Any] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    saved: list[Mapping[str, Any]] = field(default_factory=list)
    loaded: list[Any] = field(default_factory=list)

    def emit(self, events: Sequence[Any]) -> None:
        self.events += [checked(event, ("events",)) for event in events]

    def save(self, state: Mapping[str, Any]) -> None:
        self.saved.append(state)

    def load(self, options: Any) -> dict[str, Any]:
        self.loaded.append(options)
        return {"rows": 2, "rejected": 1, "files": 1, "dry": False}

    def run(self, name: str, secrets: Mapping[str, str], **parameters: Any) -> list[Any]:
        """Run a template; its events."""
        allowed = networks(["127.0.0.1"])
        host = Host(self, secrets, allowed, dict(self.state), time.monotonic() + 30, print)
        self.events = []
        run_script(find(name).script, {"parameters": parameters}, host, seconds=30)
        self.state = host.state
        return self.events


def page(value: Any, **headers: str) -> Give:
    return Give(body=json.dumps(value).encode(), headers=headers)


def test_rows_of_csv_have_an_id_of_their_own_or_of_what_they_say() -> None:
    body = b"id;price;at;who\n7;9.5;2026-01-02;u1\n8;;2026-01-03;u2\n"
    with serving({"/": Give(body=body, headers={"etag": '"1"'})}) as site:
        kept, given = Kept(), {"url": f"{site.url}/", "collection": "sale", "delimiter": ";"}
        named = {"id": "id", "time": "at", "user": "who", "numbers": ["price"]}
        first, second = kept.run("csv", {"token": "hush"}, **given, **named)
        assert site.got[0].headers["authorization"] == "Bearer hush"
        assert (first["id"], first["time"], first["user_id"]) == ("sale:7", "2026-01-02", "u1")
        assert (first["properties"]["price"], second["properties"]["price"]) == (9.5, None)

        site.answers["/"] = lambda got: Give(304 if "if-none-match" in got.headers else 200)
        assert kept.run("csv", {}, **given, **named) == []
        assert site.got[1].headers["if-none-match"] == '"1"'
        assert "authorization" not in site.got[1].headers

        site.answers["/"] = Give(body=body)
        ids = {event["id"] for event in Kept().run("csv", {}, **given)}
        assert len(ids) == 2
        assert {event["id"] for event in Kept().run("csv", {}, **given)} == ids


def test_pages_by_cursor_are_kept_one_by_one() -> None:
    def answer(got: Got) -> Give:
        cursor = got.path.partition("after=")[2]
        after = {"": "c1", "c1": "c2", "c2": None}[cursor]
        return page({"data": [{"id": cursor or "c0"}], "meta": {"next": after}})

    with serving({"/": answer}) as site:
        kept = Kept()
        given = {"url": f"{site.url}/", "items": "data", "next": "meta.next", "cursor": "after"}
        events = kept.run("json-api", {}, **given, query={"per": 5}, collection="o", id="id")
        assert [event["id"] for event in events] == ["o:c0", "o:c1", "o:c2"]
        assert kept.saved == [{"cursor": "c1"}, {"cursor": "c2"}]
        assert [got.path for got in site.got] == ["/?per=5", "/?per=5&after=c1", "/?per=5&after=c2"]
        assert kept.run("json-api", {}, **given, collection="o", pages=1)[0]["properties"] == {
            "id": "c2"
        }


def test_pages_by_address_and_by_the_last_item() -> None:
    with serving({}) as site:
        site.answers["/"] = page({"rows": [{"at": 1}], "next": f"{site.url}/2"})
        site.answers["/2"] = page({"rows": [{"at": 2}], "next": None})
        events = Kept().run(
            "json-api", {}, url=f"{site.url}/", items="rows", next="next", collection="o"
        )
        assert [event["properties"]["at"] for event in events] == [1, 2]

        site.answers["/2"] = page({"rows": [], "next": "http://127.0.0.2/"})
        with pytest.raises(Failed, match=r"elsewhere: http://127\.0\.0\.2"):
            Kept().run(
                "json-api", {}, url=f"{site.url}/", items="rows", next="next", collection="o"
            )

        site.answers["/"] = lambda got: page([{"at": 9}] if "cursor" not in got.path else [])
        kept = Kept()
        given = {"url": f"{site.url}/", "cursor_field": "at", "collection": "o", "time": "at"}
        assert len(kept.run("json-api", {}, **given)) == 1
        assert kept.state == {"cursor": 9}
        assert kept.run("json-api", {}, **given) == []


@pytest.mark.parametrize("name", ["csv", "json-api"])
def test_what_a_service_refuses_is_told(name: str) -> None:
    with serving({"/": Give(403, b"not you")}) as site:
        with pytest.raises(Failed, match="answers 403: not you"):
            Kept().run(name, {}, url=f"{site.url}/", collection="o")
        _rows_without_ids(name, site)


def _rows_without_ids(name: str, site: Site) -> None:
    site.answers["/"] = Give(body=b"a,id\n1,\n") if name == "csv" else page([{"a": 1}])
    with pytest.raises(Failed, match="has no id"):
        Kept().run(name, {}, url=f"{site.url}/", collection="o", id="id")


def test_a_service_that_is_busy_is_asked_again_in_the_next_run() -> None:
    with serving({"/": Give(429)}) as site:
        assert Kept().run("json-api", {}, url=f"{site.url}/", collection="o") == []


def test_files_are_asked_for_with_what_is_known_of_them() -> None:
    kept = Kept()
    secrets = {"token": "hush", "access_key_id": "AK", "secret_access_key": "hush-hush"}
    given = {"from": ["s3://b/d/"], "map": {"time": "ts"}, "endpoint": "http://minio.example"}
    assert kept.run("files", secrets, **given, headers={"x-a": "b"}, collection="order") == []
    (asked,) = kept.loaded
    assert asked == {
        "from": ["s3://b/d/"],
        "collection": "order",
        "map": {"time": "ts"},
        "headers": {"x-a": "b", "authorization": "Bearer hush"},
        "s3": {
            "endpoint": "http://minio.example",
            "access_key_id": "AK",
            "secret_access_key": "hush-hush",
        },
    }
    assert order_of(asked).access.endpoint == "http://minio.example"


def test_every_template_says_what_it_reads() -> None:
    for template in every():
        for parameter in template.parameters:
            read = f"'{parameter.name}'" if parameter.secret else f"p.{parameter.name}"
            assert read in template.script, (template.name, parameter.name)
