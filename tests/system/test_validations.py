"""Events against the JSON Schemas of their type, on a running pipeline: stored, flagged, told."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.admin import Admin
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import rows_of
from tests.system.tracker import new_session

pytestmark = pytest.mark.system

SOURCE = "validated"
EFFECT_SECONDS = 30.0
MONEY = {
    "required": ["price"],
    "properties": {"price": {"type": "number", "minimum": 0}, "pan": {"pattern": "^[0-9]{16}$"}},
}
SECRET = "4111 1111 1111 1111"


@pytest.fixture(scope="module")
def admin(pipeline: Pipeline) -> Admin:
    admin = Admin(pipeline)
    admin.create(SOURCE)
    return admin


def debugged(pipeline: Pipeline, properties: dict[str, Any], event_type: str = "sale") -> Any:
    """What the processors tell of one event, in the answer to its request."""
    body = {
        "source": {"id": SOURCE},
        "session": {"id": new_session()},
        "options": {"debugger": True, "saveEvents": event_type != "probe"},
        "events": [{"type": event_type, "properties": properties}],
    }
    answer = pipeline.client.post_json("/track", body)
    assert answer.status == 200, answer.body
    return answer.json


def flagged(row: Row) -> tuple[bool, list[str]]:
    return row["valid"], row["errors"]


def test_events_that_do_not_fit_are_stored_flagged_and_told(
    pipeline: Pipeline, admin: Admin, tmp_path: Path
) -> None:
    money = {"event_type": "sale", "name": "money", "schema": MONEY}
    assert admin("POST", f"/{SOURCE}/validations", money).json == money
    few = tmp_path / "few.json"
    few.write_text(json.dumps({"maxProperties": 2}))
    probe = {"event_type": "probe", "name": "probe", "schema": False}
    options = ("--name", "few", "--schema", str(few))
    done = pipeline.headrace("sources", "validate", SOURCE, "sale", *options)
    assert done.returncode == 0, done.stderr
    # written last, so whoever knows it knows the others
    assert admin("POST", f"/{SOURCE}/validations", probe).status == 200
    eventually(
        lambda: debugged(pipeline, {}, "probe")["errors"],
        until=lambda errors: errors == ["probe: False schema does not allow value"],
        within=EFFECT_SECONDS,
        what="the processors know the schemas",
    )
    bad = {"price": "9.95", "pan": SECRET, "extra": 1}
    errors = [
        "few: value has more than 2 properties",
        'money: /pan: value does not match "^[0-9]{16}$"',
        'money: /price: value is not of type "number"',
    ]
    told = [debugged(pipeline, each) for each in ({"price": 9.95}, bad)]
    assert [each["errors"] for each in told] == [[], errors]
    assert told[1]["debugging"]["events"]["errors"] == errors
    good, wrong = rows_of(pipeline, SOURCE, 2)
    assert flagged(good) == (True, [])
    assert flagged(wrong) == (False, errors)
    # what was sent was held against the schemas; what is stored has the collection's types
    assert wrong["properties"] == {**bad, "price": 9.95}
    assert SECRET not in "".join(wrong["errors"])

    listed = pipeline.headrace("sources", "validations", SOURCE)
    names = [each["name"] for each in json.loads(listed.stdout)["validations"]]
    assert names == ["probe", "few", "money"]
    for name in ("money", "few"):
        assert admin("DELETE", f"/{SOURCE}/validations/{name}").status == 204
    eventually(
        lambda: debugged(pipeline, bad)["errors"],
        until=lambda errors: errors == [],
        within=EFFECT_SECONDS,
        what="the processors know that the schemas are gone",
    )


@pytest.mark.parametrize(
    ("schema", "status", "words"),
    [
        ({"properties": {"price": {"type": "money"}}}, 400, "at /properties/price/type of the"),
        ({"$ref": "http://127.0.0.1:1/schema"}, 400, "nothing is fetched"),
        ({"pattern": "(a)\\1"}, 400, "no back-reference"),
        ("{}", 400, "a schema is a JSON object"),
    ],
)
def test_a_schema_that_is_none_is_refused_with_a_reason(
    admin: Admin, schema: Any, status: int, words: str
) -> None:
    value = {"event_type": "sale", "name": "odd", "schema": schema}
    answer = admin("POST", f"/{SOURCE}/validations", value)
    assert (answer.status, answer.json["error"]["code"]) == (status, "schema-invalid")
    assert words in answer.json["error"]["message"]


def test_what_is_not_there_cannot_be_taken_away(pipeline: Pipeline, admin: Admin) -> None:
    answer = admin("DELETE", f"/{SOURCE}/validations/nothing")
    assert (answer.status, answer.json["error"]["code"]) == (404, "validation-unknown")
    done = pipeline.headrace("sources", "stop-validating", SOURCE, "nothing")
    assert (done.returncode, "no validation 'nothing'" in done.stderr) == (1, True)
