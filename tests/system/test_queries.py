"""Named queries as a user asks them: with a key over HTTP, and as a command."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.system.client import Answer
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.rows import STORED_SECONDS

pytestmark = pytest.mark.system

SENT = [("acme", "page_view"), ("acme", "order_placed"), ("other", "page_view")]
KNOWN_SECONDS = 30.0


@pytest.fixture(scope="module")
def write_key(pipeline: Pipeline) -> str:
    """The write key of a source with three events of two customers, all stored."""
    write = str(pipeline.create_source("asked", "--protocol", "eventbunker")["keys"][0]["key"])
    for customer, name in SENT:
        event = {"event_name": name, "customer_identifier": customer, "price": len(name)}

        def accepted(event: dict[str, Any] = event) -> bool:
            header = {"x_eventbunker_write_key": write}
            return pipeline.client.post_json("/post", event, **header).status == 200

        eventually(accepted, within=KNOWN_SECONDS, what="the source is known")
    eventually(
        lambda: (
            pipeline.sql("SELECT count() AS n FROM headrace.events WHERE source_id = 'asked'")[0][
                "n"
            ]
            == len(SENT)
        ),
        within=STORED_SECONDS,
        what="the events are stored",
    )
    return write


def draw(pipeline: Pipeline, *options: str) -> str:
    made = pipeline.headrace("sources", "add-key", "asked", "--type", "query", *options)
    assert made.returncode == 0, made.stderr
    key = str(json.loads(made.stdout)["keys"][-1]["key"])
    eventually(
        lambda: ask(pipeline, "", key).status == 200, within=KNOWN_SECONDS, what="the key is known"
    )
    return key


@pytest.fixture(scope="module")
def key(pipeline: Pipeline, write_key: str) -> str:
    return draw(pipeline)


def ask(pipeline: Pipeline, name: str, key: str, *parameters: tuple[str, str]) -> Answer:
    path = f"/api/query/{name}?{urlencode(parameters)}" if name else "/api/query"
    return pipeline.client.send("GET", path, [("Authorization", f"Bearer {key}")])


def test_a_query_key_asks_about_its_source(pipeline: Pipeline, key: str) -> None:
    answer = ask(pipeline, "events", key, ("step", "none"), ("group", "event_type"))
    assert answer.status == 200, answer.body
    assert answer.json["query"] == "events"
    rows = answer.json["rows"]
    assert [(row["groups"], row["events"]) for row in rows] == [
        ({"event_type": "page_view"}, 2),
        ({"event_type": "order_placed"}, 1),
    ]
    sent = pipeline.client.post_json(
        "/api/query/events",
        {"step": "none", "where": [{"field": "price", "operator": "above", "values": [9]}]},
        authorization=f"Bearer {key}",
    )
    assert [row["events"] for row in sent.json["rows"]] == [1]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("funnel", [("steps", "page_view"), ("steps", "order_placed")]),
        ("retention", [("step", "day")]),
        ("sessions", []),
        ("pages", [("type", "page_view")]),
        ("live", [("within", "1h")]),
    ],
)
def test_every_query_answers_the_columns_that_it_lists(
    pipeline: Pipeline, key: str, name: str, parameters: list[tuple[str, str]]
) -> None:
    listed = {each["name"]: each for each in ask(pipeline, "", key).json["queries"]}
    answer = ask(pipeline, name, key, *parameters)
    assert answer.status == 200, answer.body
    assert all(set(row) == set(listed[name]["columns"]) for row in answer.json["rows"])


def test_a_customers_key_sees_this_customer(pipeline: Pipeline, key: str) -> None:
    scoped = draw(pipeline, "--customer", "acme")
    (row,) = ask(pipeline, "events", scoped, ("step", "none")).json["rows"]
    assert row["events"] == 2


def test_other_keys_and_other_questions_are_refused(
    pipeline: Pipeline, write_key: str, key: str
) -> None:
    for shown, code in (("", "key-missing"), ("x", "key-unknown"), (write_key, "key-wrong-type")):
        answer = ask(pipeline, "events", shown)
        assert (answer.status, answer.json["error"]["code"]) == (401, code)
        assert answer.headers["www-authenticate"] == "Bearer"
    wrong = ask(pipeline, "events", key, ("source", "demo"))
    assert (wrong.status, wrong.json["error"]["code"]) == (400, "parameter-invalid")
    assert "source" in wrong.json["error"]["message"]
    sql = pipeline.client.post_json(
        "/api/query", {"sql": "SELECT 1"}, authorization=f"Bearer {key}"
    )
    assert sql.status == 405


def test_no_key_is_in_any_log(pipeline: Pipeline, write_key: str, key: str) -> None:
    unknown = "hrq_of-nobody-5f1c"
    for shown in (key, write_key, unknown):
        for name, values in (("events", ("since", "no")), ("pages", ("limit", "1"))):
            ask(pipeline, name, shown, values)
        bearer = [("Authorization", f"Bearer {shown}")]
        assert pipeline.client.send("GET", "/api/sources", bearer).status == 401
    logs = "".join(
        file.read_text(errors="replace") for file in (pipeline.data / "logs").glob("*.log")
    )
    assert logs
    for secret in (key, write_key, unknown):
        assert secret not in logs + pipeline.output


def test_the_command_asks_the_same(pipeline: Pipeline, key: str) -> None:
    options = ("--name", "events", "--source", "asked", "-p", "group=event_type", "-p", "step=none")
    done = pipeline.headrace("query", *options, "--format", "JSONEachRow")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["groups"]["event_type"], int(row["events"])) for row in found] == [
        ("page_view", 2),
        ("order_placed", 1),
    ]
    listed = pipeline.headrace("query", "--list")
    assert listed.stdout.startswith("events: ")
