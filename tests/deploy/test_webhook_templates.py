"""Every template on requests as its vendor sends them, in the sandbox that runs it."""

from pathlib import Path
from typing import Any

import pytest

from deploy.webhooks import templates
from deploy.webhooks.trial import tried
from schemas import codec
from schemas.webhook_commands import Sample
from schemas.webhook_fields import new_webhook
from schemas.wire.webhooks.calls import sample_of

NOW = 1_790_000_000_000
STRICT = frozenset({"name", "type", "user_id", "anonymous_id", "group_id", "properties"})
"""What an event has no more of than a sample says; its id, time and context a sample need not."""
RECORDED = Path(__file__).with_name("recorded")
"""Further requests, in lines of what a template's own samples are; see its README."""


def samples(name: str) -> list[dict[str, Any]]:
    lines = codec.split_lines((RECORDED / f"{name}.jsonl").read_bytes())
    return [*templates.declared(name)["samples"], *map(codec.loads, lines)]


CASES = [
    pytest.param(name, sample, id=f"{name}-{number}")
    for name in templates.NAMES
    for number, sample in enumerate(samples(name))
]


def attempt(name: str, sample: Sample, parameters: dict[str, Any] | None = None) -> Any:
    template = templates.find(name)
    fields = {"id": "hook", "source": "shop", "script": template.script}
    draft = new_webhook({**fields, "parameters": parameters or {}})
    webhook = draft.webhook.with_script(draft.script, NOW)
    return tried(
        webhook,
        webhook.versions[0],
        sample,
        clock=lambda: NOW,
        new_id=lambda: "0199aaaa-0000-7000-8000-000000000001",
    )


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_template_understands_its_vendor(name: str, case: dict[str, Any]) -> None:
    trial = attempt(name, sample_of(case["sample"]))
    assert not trial.code, (trial.message, trial.stack)
    assert len(trial.events) == len(case["events"])
    for event, expected in zip(trial.events, case["events"], strict=True):
        told = {member: event[member] for member in event if member in {*expected, *STRICT}}
        assert told == expected


@pytest.mark.parametrize("name", templates.NAMES)
def test_every_template_is_declared_whole(name: str) -> None:
    template = templates.find(name)
    assert template.text
    assert template.secret
    assert template.signature is not None
    assert template.samples
    assert "transform(request" in template.script


def test_texts_of_people_stay_out_unless_asked_for() -> None:
    sample = templates.find("twilio").samples[0]
    assert "text" not in attempt("twilio", sample).events[0]["properties"]
    told = attempt("twilio", sample, {"text": True})
    assert told.events[0]["properties"]["text"] == "Hello there!"


@pytest.mark.parametrize(
    ("name", "user", "expected"),
    [
        ("mailgun", "email", "ann@example.com"),
        ("sendgrid", "email", "ann@example.com"),
        ("sendgrid", "order", "1001"),
        ("stripe", "order", "1001"),
        ("stripe", "client_reference_id", "cus_9s6XKzkNRiAa"),
        ("typeform", "plan", None),
    ],
)
def test_who_the_user_is_can_be_said(name: str, user: str, expected: str | None) -> None:
    trial = attempt(name, templates.find(name).samples[0], {"user": user})
    assert trial.events[0].get("user_id") == expected


def test_a_checkout_may_name_its_user() -> None:
    session = {"id": "cs_1", "object": "checkout.session", "client_reference_id": "u-7"}
    body = {"object": "event", "type": "checkout.session.completed", "id": "evt_1", "created": 1}
    sample = Sample(body={**body, "data": {"object": session}})
    trial = attempt("stripe", sample, {"user": "client_reference_id"})
    assert trial.events[0]["user_id"] == "u-7"


def test_a_repeated_delivery_is_the_same_event() -> None:
    sample = templates.find("stripe").samples[0]
    first, again = attempt("stripe", sample), attempt("stripe", sample)
    assert first.events[0]["event_id"] == again.events[0]["event_id"]
