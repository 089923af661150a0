"""Every template on the samples of its vendor's documentation, in the sandbox that runs it."""

from typing import Any

import pytest

from deploy.webhooks import templates
from deploy.webhooks.trial import tried
from schemas.webhook_commands import Sample
from schemas.webhook_fields import new_webhook
from schemas.wire.webhooks.calls import sample_of

NOW = 1_790_000_000_000
EXACT = frozenset({"name", "id", "user_id", "time", "type"})
CASES = [
    pytest.param(name, sample, id=f"{name}-{number}")
    for name in templates.NAMES
    for number, sample in enumerate(templates.declared(name)["samples"])
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
        assert event | expected | {"properties": event["properties"]} == event
        assert event["properties"] | expected["properties"] == event["properties"]
        given, wanted = set(event["properties"]), set(expected["properties"])
        assert given - wanted <= {"object_id"}, "a property that the sample does not say"


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


def test_a_repeated_delivery_is_the_same_event() -> None:
    sample = templates.find("stripe").samples[0]
    first, again = attempt("stripe", sample), attempt("stripe", sample)
    assert first.events[0]["event_id"] == again.events[0]["event_id"]
