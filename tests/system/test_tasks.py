"""Scheduled tasks on a running pipeline: pages, errors, a worker that dies while it runs one."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tasks.serving import Give, Site, serving
from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.processes import alive
from tests.system.tasking import RUN_SECONDS, SOURCE, Api, call, create, ended, rows, stored, tasks
from tests.system.test_audit import settled, total
from tests.system.tier import running

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def shop(pipeline: Pipeline) -> Pipeline:
    Admin(pipeline).create(SOURCE)
    return pipeline


@pytest.fixture
def site() -> Iterator[Site]:
    with serving({}) as site:
        yield site


def test_pages_of_an_api_are_fetched_and_gone_on_with(shop: Pipeline, site: Site) -> None:
    api = Api([{"id": f"o{number}", "at": 1_767_225_600 + number} for number in range(8)])
    site.answers["/orders"] = api.page
    parameters = [f"url={site.url}/orders", "items=data.items", "next=next", "collection=order"]
    made = tasks(
        shop,
        *("create", "orders", "--source", SOURCE, "--every", "1h", "--template", "json-api"),
        *(word for each in [*parameters, "id=id", "time=at"] for word in ("--param", each)),
        *("--allow", "127.0.0.1", "--secret", "token=s3cret-token"),
    )
    assert made["secrets"] == ["token"]
    (run,) = ended(shop, "orders")
    assert (run["outcome"], run["events"], run["by_hand"]) == ("done", 8, False)
    assert len(stored(shop, "order", 8)) == 8
    assert call(shop, "GET", "/tasks/orders").json["state"] == {"cursor": 6}

    api.items.append({"id": "o8", "at": 1_767_225_608})
    asked = len(site.got)
    assert call(shop, "POST", "/tasks/orders/run").status == 202
    assert ended(shop, "orders", 2)[0]["by_hand"]
    assert [got.path.partition("?")[2] for got in site.got[asked:]] == ["cursor=6"]
    rows = stored(shop, "order", 9)
    assert [row["properties"]["id"] for row in rows] == [f"o{number}" for number in range(9)]
    assert rows[8]["event_time"].startswith("2026-01-01T00:00:08")
    assert {row["profile_id"] for row in rows} == {""}
    listed = shop.headrace("tasks", "list").stdout
    assert "orders" in listed
    log = shop.headrace("tasks", "log", "orders").stdout
    assert "page 1: 3 items" in log
    for said in (listed, log, shop.last_words(), shop.headrace("tasks", "show", "orders").stdout):
        assert "s3cret-token" not in said


def test_a_failure_is_told_and_can_be_mended(shop: Pipeline, site: Site, tmp_path: Path) -> None:
    script = tmp_path / "rates.js"
    script.write_text(
        "function run(task) {\n  const answer = http.get(task.parameters.url + '/rates');\n"
        "  if (!answer.ok) throw new Error(`no rates: ${answer.status}`);\n"
        "  emit({name: 'rate', properties: answer.json()});\n  state.set('n', 1);\n}\n"
    )
    site.answers["/rates"] = Give(500)
    tried = shop.headrace("tasks", "test", "--source", SOURCE, "--script", str(script))
    assert (tried.returncode, "url" in tried.stderr) == (1, True)
    create(shop, "rates", script, site)
    (failed,) = ended(shop, "rates")
    assert (failed["outcome"], failed["code"]) == ("failed", "script-error")
    assert failed["message"] == "no rates: 500"
    assert failed["stack"].startswith("at run (3:")
    shown = call(shop, "GET", "/tasks/rates").json
    assert (shown["status"], shown["failures"], shown["state"]) == ("failing", 1, {})

    site.answers["/rates"] = Give(body=b'{"eur": 1.1}')
    done = shop.headrace("tasks", "test", "rates")
    assert json.loads(done.stdout) == {"name": "rate", "properties": {"eur": 1.1}}
    assert call(shop, "POST", "/tasks/rates/run").status == 202
    done_since = ended(shop, "rates", 3)[:2]
    assert [run["outcome"] for run in done_since] == ["done", "done"]
    (regular,) = (run for run in done_since if not run["by_hand"])  # tried again by itself
    assert regular["scheduled_at"] == failed["scheduled_at"]
    assert len(stored(shop, "rate", 2)) == 2
    assert call(shop, "GET", "/tasks/rates").json["status"] == "waiting"


def test_a_task_is_managed_over_http(shop: Pipeline, site: Site) -> None:
    site.answers["/a.csv"] = Give(body=b"id,price\n1,9.5\n2,x\n")
    parameters = {"url": f"{site.url}/a.csv", "collection": "price", "numbers": ["price"]}
    made = call(
        shop,
        "POST",
        "/tasks",
        {
            "id": "prices",
            "source": SOURCE,
            "cron": "0 3 * * *",
            "timezone": "Europe/Berlin",
            "template": "csv",
            "parameters": parameters,
            "allow": ["127.0.0.0/8"],
            "enabled": False,
        },
    )
    assert (made.status, made.json["status"], made.json["next_at"]) == (201, "disabled", None)
    assert call(shop, "POST", "/tasks/prices/test").status == 202
    (run,) = ended(shop, "prices")
    assert (run["dry"], run["outcome"], run["events"]) == (True, "done", 2)
    tried = call(shop, "GET", "/tasks/prices/log").json["tried"]
    assert [each["properties"]["price"] for each in tried] == [9.5, None]
    assert shop.sql("SELECT count() AS n FROM headrace.events WHERE event_type = 'price'") == [
        {"n": 0}
    ]
    assert call(shop, "PATCH", "/tasks/prices", {"cron": "never"}).status == 400
    assert call(shop, "PATCH", "/tasks/prices", {"every": 600}).json["cron"] == ""
    assert call(shop, "DELETE", "/tasks/prices").status == 204
    assert call(shop, "GET", "/tasks/prices").status == 404
    assert call(shop, "GET", "/task-templates").json["templates"][0]["name"] == "csv"


def test_many_events_wait_for_the_tiers(shop: Pipeline, site: Site, tmp_path: Path) -> None:
    script = tmp_path / "many.js"
    script.write_text(
        "function run() { for (let page = 0; page < 6; page++) {\n"
        "  emit(Array.from({length: 500}, (_, n) => ({name: 'many', properties: {page, n}})));\n"
        "  state.save(); } }\n"
    )
    create(shop, "many", script, site)
    (run,) = ended(shop, "many")
    assert (run["outcome"], run["events"]) == ("done", 3000)
    assert len(stored(shop, "many", 3000)) == 3000


def test_a_run_is_stopped(shop: Pipeline, site: Site, tmp_path: Path) -> None:
    reached, released = threading.Event(), threading.Event()

    def gate(_: Any) -> Give:
        reached.set()
        released.wait(RUN_SECONDS)
        return Give()

    site.answers["/gate"] = gate
    script = tmp_path / "waits.js"
    script.write_text("function run(task) { http.get(task.parameters.url + '/gate'); }\n")
    create(shop, "waits", script, site)
    try:
        assert reached.wait(RUN_SECONDS)
        assert call(shop, "POST", "/tasks/waits/stop").status == 202
        (run,) = ended(shop, "waits")
    finally:
        released.set()
    assert (run["outcome"], run["code"]) == ("failed", "run-stopped")
    shown = call(shop, "GET", "/tasks/waits").json
    assert (shown["status"], shown["failures"]) == ("waiting", 0)


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=[pytest.mark.faults, pytest.mark.slow_fault]),
    ],
)
def test_a_run_whose_worker_ends_is_gone_on_with_by_another(
    shop: Pipeline, site: Site, tmp_path: Path, how: signal.Signals
) -> None:
    """Its events are published twice, and stored once."""
    reached, released = threading.Event(), threading.Event()

    def gate(got: Any) -> Give:
        if not reached.is_set():
            reached.set()
            released.wait(RUN_SECONDS)
        return Give()

    site.answers["/gate"] = gate
    name = f"step-{how.name.lower()}"
    source = f"of-{name}"
    Admin(shop).create(source)
    script = tmp_path / "steps.js"
    script.write_text(
        "function run(task) {\n"
        f"  const step = (n) => ({{name: '{name}', properties: {{n}}}});\n"
        "  emit([step(1), step(2)]);\n  http.get(task.parameters.url + '/gate', {timeout: 60});\n"
        "  emit(step(3));\n  state.set('done', true);\n}\n"
    )
    settings = {"HEADRACE_DATA": str(shop.data), **shop.settings}
    with running(tmp_path, settings, "tasks", "work") as other:
        other.wait_ready()
        create(shop, name, script, site, "--source", source)
        try:
            assert reached.wait(RUN_SECONDS)
            worker = call(shop, "GET", f"/tasks/{name}").json["worker"]
            pid = int(worker.rpartition("-")[2])
            assert pid in {other.pid, shop.tiers()["tasks"]}
            os.kill(pid, how)
            eventually(lambda: not alive(pid), within=RUN_SECONDS, what=f"{worker} has ended")
        finally:
            released.set()
        (run,) = ended(shop, name)
        assert (run["outcome"], run["events"]) == ("done", 3), run
    shown = call(shop, "GET", f"/tasks/{name}").json
    assert (shown["state"], shown["status"]) == ({"done": True}, "waiting")
    assert sorted(row["properties"]["n"] for row in stored(shop, name, 3)) == [1, 2, 3]
    status, found = settled(shop, source, 5, 2)
    assert (status, total(found, "missing")) == (0, 0)
    assert (total(found, "accepted"), total(found, "duplicates")) == (5, 2)


def test_files_are_fetched_by_whoever_is_there_and_each_row_is_stored_once(
    shop: Pipeline, site: Site, tmp_path: Path
) -> None:
    count, data, released = 6_000, rows(6_000), threading.Event()

    def half(out: Any) -> None:
        out.write(f"HTTP/1.0 200 OK\r\ncontent-length: {len(data)}\r\n\r\n".encode())
        out.write(data[: len(data) * 5 // 6])
        out.flush()
        released.wait(RUN_SECONDS)

    Admin(shop).create("of-files", bridge="import")
    task = {"id": "files", "source": "of-files", "template": "files", "allow": ["127.0.0.1"]}
    given = {"from": f"{site.url}/d/filed.csv?signature=x", "map": {"time": "ts"}}
    site.answers["/d/filed.csv"] = Give(body=data)
    off = {**task, "parameters": given, "enabled": False}
    assert call(shop, "POST", "/tasks", off).status == 201
    assert call(shop, "POST", "/tasks/files/test").status == 202
    assert ended(shop, "files")[0]["outcome"] == "done"
    log = "\n".join(call(shop, "GET", "/tasks/files/log").json["log"])
    assert "  filed: 998 of them\n    n  double  e.g. 0" in log
    assert "line 5 would be set aside: csv-invalid" in log

    site.answers["/d/filed.csv"] = Give(raw=half)
    settings = {"HEADRACE_DATA": str(shop.data), **shop.settings}
    with running(tmp_path, settings, "tasks", "work") as other:
        other.wait_ready()
        try:
            call(shop, "PATCH", "/tasks/files", {"enabled": True})
            shown = eventually(
                lambda: call(shop, "GET", "/tasks/files").json,
                until=lambda seen: bool(seen["imports"]) and seen["imports"][0]["rows"] > 0,
                within=RUN_SECONDS,
                what="some rows are stored",
            )
            assert (shown["status"], shown["imports"][0]["size"]) == ("running", len(data))
            site.answers["/d/filed.csv"] = Give(body=data)
            os.kill(int(shown["worker"].rpartition("-")[2]), signal.SIGKILL)
        finally:
            released.set()
        run = ended(shop, "files", 2)[0]
    assert run["outcome"] == "done", run
    assert 0 < run["events"] < count, "it went on where it was"
    shown = call(shop, "GET", "/tasks/files").json
    (kept,) = shown["imports"]
    assert (shown["status"], kept["rows"], kept["rejected"]) == ("done", count - 2, 2)
    assert kept["file"] == f"{site.url}/d/filed.csv"
    status, found = settled(shop, "of-files", count)
    assert (status, total(found, "missing"), total(found, "dead")) == (0, 0, 2)
    (seen,) = shop.sql(
        "SELECT uniqExact(properties.n::Int64) AS n, uniqExact(event_id) AS ids, "
        "uniq(event_time) AS t FROM headrace.events WHERE source_id = 'of-files'"
    )
    assert seen == {"n": count - 2, "ids": count - 2, "t": 1}
    told = "SELECT code, reason FROM headrace.dead_letters FINAL WHERE source_id = 'of-files'"
    assert {(row["code"], row["reason"].partition("d/")[2][:12]) for row in shop.sql(told)} == {
        ("csv-invalid", "filed.csv:5:"),
        ("time-invalid", "filed.csv:7:"),
    }
