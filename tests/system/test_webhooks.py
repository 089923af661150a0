"""Webhooks from end to end: signed requests in, rows out; and scripts that fail until corrected."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.system.admin import Admin
from tests.system.client import Answer
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row
from tests.system.rows import rows_of
from tests.system.test_audit import settled, total
from tests.system.test_dead import letters, replay

pytestmark = pytest.mark.system

KNOWN_SECONDS = 30.0
SECRET = "whsec_of-the-sender"
BROKEN = "function transform(request) {\n  return request.json.no.such;\n}"
COUNTING = """
function transform(request) {
  const many = Number(request.query.events ?? request.json?.events ?? 1);
  if (request.query.fail) throw new Error('as it was asked');
  if (request.query.odd) return {properties: {}};
  return Array.from({length: many}, (_, at) => ({name: 'counted', properties: {at}}));
}
"""
CLI_SCRIPT = "const transform = ({json}) => ({name: 'by_hand', user_id: 'u', properties: json});"


class Hooks:
    """Manages webhooks over HTTP, and sends to them."""

    def __init__(self, pipeline: Pipeline, source_id: str, **fields: Any) -> None:
        self.pipeline = pipeline
        self.admin = Admin(pipeline)
        self.source_id = source_id
        self.key = self.admin.create(source_id, **fields)

    def ask(self, method: str, path: str, value: Any = None) -> Any:
        answer = self.tried(method, path, value)
        assert answer.status in {200, 201}, answer.body
        return answer.json

    def tried(self, method: str, path: str, value: Any = None) -> Answer:
        body = b"" if value is None else json.dumps(value).encode()
        headers = [("Authorization", f"Bearer {self.admin.key}")]
        return self.pipeline.client.send(method, f"/api/webhooks{path}", headers, body)

    def make(self, webhook_id: str, sample: Any = None, **fields: Any) -> None:
        """Create, test and activate; return when the edge knows it."""
        self.ask("POST", "", {"id": webhook_id, "source": self.source_id, **fields})
        tried = self.ask("POST", f"/{webhook_id}/test", {"sample": sample} if sample else {})
        assert tried["passed"], tried
        assert self.ask("POST", f"/{webhook_id}/activate")["active"] == 1

    def send(
        self, webhook_id: str, body: bytes, query: str = "", key: str = "", **headers: str
    ) -> Answer:
        target = f"/webhook/collect/{webhook_id}?write_key={key or self.key}{query}"
        given = [(name.replace("_", "-"), text) for name, text in headers.items()]
        return self.pipeline.client.send("POST", target, given, body)


@pytest.fixture(scope="module")
def hooks(pipeline: Pipeline) -> Hooks:
    return Hooks(pipeline, "hooked")


def stripe(body: bytes, secret: str = SECRET, at: int = 0) -> str:
    at = at or int(time.time())
    signed = hmac.new(secret.encode(), b"%d.%s" % (at, body), "sha256").hexdigest()
    return f"t={at},v1={'0' * 64},v1={signed}"


def test_stripe_signs_and_a_repeated_event_is_one_row(hooks: Hooks) -> None:
    hooks.make("pay", template="stripe", secrets=["an older one", SECRET])
    event = {
        "id": "evt_1",
        "object": "event",
        "created": int(time.time()),
        "type": "invoice.paid",
        "livemode": True,
        "data": {"object": {"id": "in_1", "object": "invoice", "customer": "cus_1", "total": 1999}},
    }
    body = json.dumps(event).encode()
    for _ in range(2):
        answer = hooks.send("pay", body, Stripe_Signature=stripe(body))
        assert (answer.status, answer.json) == (200, {"accepted": 1})
    for header, code in (
        ({}, "signature-missing"),
        ({"Stripe_Signature": stripe(body, "another")}, "signature-wrong"),
        ({"Stripe_Signature": stripe(body + b" ")}, "signature-wrong"),
        ({"Stripe_Signature": stripe(body, at=int(time.time()) - 400)}, "signature-expired"),
    ):
        refused = hooks.send("pay", body, **header)
        assert (refused.status, refused.json["error"]["code"]) == (401, code)
    (row,) = rows_of(hooks.pipeline, "hooked", 1)
    assert (row["event_type"], row["user_id"]) == ("stripe_invoice_paid", "cus_1")
    assert (row["protocol"], row["message_id"], row["valid"]) == ("webhook", "evt_1", True)
    assert row["properties"]["total"] == 1999
    assert row["context"]["webhook"]["id"] == "pay"
    assert (row["session_id"], row["user_agent"], row["ip"]) == ("", "", "")
    assert row["profile_id"]
    shown = json.dumps(hooks.ask("GET", "/pay"))
    assert SECRET not in shown
    assert "sealed" not in shown


def test_twilio_signs_its_form_and_its_address(pipeline: Pipeline) -> None:
    hooks = Hooks(pipeline, "hooked-twilio")
    hooks.make("sms", template="twilio", secrets=["auth-token"])
    form = {"From": "+15558675310", "Body": "hi", "MessageSid": "SM1", "NumMedia": "0"}
    address = f"https://in.example/webhook/collect/sms?write_key={hooks.key}"
    signed = address + "".join(f"{name}{form[name]}" for name in sorted(form))
    signature = hmac.new(b"auth-token", signed.encode(), hashlib.sha1).digest()
    headers = {
        "X_Twilio_Signature": base64.b64encode(signature).decode(),
        "X_Forwarded_Proto": "https",
        "Host": "in.example",
        "Content_Type": "application/x-www-form-urlencoded",
    }
    body = b"From=%2B15558675310&Body=hi&MessageSid=SM1&NumMedia=0"
    answer = hooks.send("sms", body, **headers)
    assert (answer.status, answer.body) == (204, b"")
    (row,) = rows_of(pipeline, "hooked-twilio", 1)
    assert (row["event_type"], row["user_id"]) == ("message_received", "+15558675310")
    assert "text" not in row["properties"]


def test_a_failing_script_is_corrected_and_its_letters_replayed(pipeline: Pipeline) -> None:
    hooks = Hooks(pipeline, "hooked-broken")
    hooks.make("fix", {"body": {"no": {"such": {"name": "n"}}}}, script=BROKEN)
    assert hooks.send("fix", b'{"a":1}').status == 200
    (letter,) = letters(pipeline, "hooked-broken", 1)
    assert letter["code"] == "script-error"
    shown = pipeline.headrace("dead", "show", letter["letter_id"]).stdout
    assert "cannot read property 'such' of undefined" in shown
    assert "at transform (<input>:2:" in shown

    mended = BROKEN.replace("request.json.no.such", "{name: 'mended', properties: request.json}")
    changed = hooks.ask("PATCH", "/fix", {"script": mended})
    assert (changed["active"], [each["number"] for each in changed["versions"]]) == (1, [1, 2])
    untested = hooks.tried("POST", "/fix/activate")
    assert (untested.status, untested.json["error"]["code"]) == (409, "webhook-untested")
    assert hooks.ask("POST", "/fix/test", {"sample": {"body": {"a": 2}}})["passed"]
    assert hooks.ask("POST", "/fix/activate", {"version": 2})["active"] == 2

    def came_through() -> list[Row]:
        replay(pipeline, letter["letter_id"], "--again")
        sql = (
            "SELECT event_type, properties FROM headrace.events FINAL WHERE source_id = {s:String}"
        )
        return pipeline.sql(sql, s="hooked-broken")

    # the processors learn of the version with their next fetch
    found = eventually(came_through, within=30.0, what="the corrected version has run")
    assert found == [{"event_type": "mended", "properties": {"a": 1}}]


def test_rakams_answers_and_a_ledger_that_balances(pipeline: Pipeline) -> None:
    hooks = Hooks(pipeline, "hooked-counting")
    hooks.make("count", {"query": {"events": "2"}}, script=COUNTING, answer="rakam")
    expected = [
        ("&events=3", 200, b"1"),
        ("&events=0", 200, b"0"),
        ("&events=1", 200, b"1"),
    ]

    def answered() -> bool:
        return hooks.send("count", b"", "&events=0").body == b"0"

    eventually(answered, within=KNOWN_SECONDS, what="the processors know the webhook")
    for query, status, body in expected:
        answer = hooks.send("count", b"", query)
        assert (answer.status, answer.body) == (status, body)
    failed = hooks.send("count", b"", "&fail=1")
    assert (failed.status, failed.json["error_code"]) == (500, 500)
    assert "as it was asked" in failed.json["error"]
    assert hooks.send("count", b"", "&odd=1").status == 400
    assert hooks.send("count", b"", "&odd=1", key="no-such-key").status == 403
    target = "/webhook/collect/count"
    assert pipeline.client.send("GET", target).status == 403
    got = pipeline.client.send("PUT", f"/rakam{target}?write_key={hooks.key}", (), b'{"events":2}')
    assert (got.status, got.body) == (200, b"1")

    rows = rows_of(pipeline, "hooked-counting", 6)
    assert sorted(row["properties"]["at"] for row in rows) == [0, 0, 0, 1, 1, 2]
    assert {row["profile_id"] for row in rows} == {""}
    code, found = settled(pipeline, "hooked-counting", 10)
    assert code == 0, found
    assert (total(found, "stored"), total(found, "dead"), total(found, "missing")) == (6, 2, 0)
    assert total(found, "unsaved") >= 2


def test_tracardis_collect_goes_through_a_webhook(pipeline: Pipeline) -> None:
    hooks = Hooks(pipeline, "hooked-collect", bridge="webhook")
    script = "const transform = (r) => ({name: r.path.type, properties: {text: r.body}})"
    hooks.make("any", {"body": "x", "path": {"type": "t"}}, script=script, collects=True)
    answer = pipeline.client.send("POST", "/collect/said/hooked-collect", (), b"[no JSON")
    assert answer.status == 200, answer.body
    (row,) = rows_of(pipeline, "hooked-collect", 1)
    assert (row["event_type"], row["properties"]) == ("said", {"text": "[no JSON"})


def test_the_command_line(pipeline: Pipeline, tmp_path: Any) -> None:
    script = tmp_path / "transform.js"
    script.write_text(CLI_SCRIPT)

    def run(*arguments: str, status: int = 0) -> str:
        done = pipeline.headrace("webhooks", *arguments)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout or done.stderr

    Admin(pipeline).create("hooked-cli")
    made = run("create", "hand", "--source", "hooked-cli", "--script", str(script))
    assert json.loads(made)["active"] == 0
    assert "webhook-untested" in run("activate", "hand", status=1)
    tried = json.loads(run("test", "hand", "--body", '{"a": 1}'))
    assert tried["events"][0]["properties"] == {"a": 1}
    assert "version 1 runs" in run("activate", "hand")
    assert "hand                     active" in run("list")
