"""Webhooks that are ready to be used: a script, how its sender signs, and documented samples."""

from functools import cache
from importlib.resources import files
from typing import Any, Final

from schemas import codec
from schemas.signatures import Signature
from schemas.webhook_commands import Sample, WebhookTemplate
from schemas.webhook_fields import signature_of, wrong
from schemas.wire.webhooks.calls import sample_of

NAMES: Final = (
    "github",
    "intercom",
    "mailgun",
    "segment",
    "sendgrid",
    "shopify",
    "slack",
    "stripe",
    "twilio",
    "typeform",
)


@cache
def every() -> tuple[WebhookTemplate, ...]:
    """All templates, by name."""
    return tuple(_read(name) for name in NAMES)


def find(name: str) -> WebhookTemplate:
    """Find a template; Malformed ``webhook-invalid`` when there is none."""
    for template in every():
        if template.name == name:
            return template
    message = f"there is no template {name[:60]!r}; there are: {', '.join(NAMES)}"
    raise wrong("template", message)


def declared(name: str) -> dict[str, Any]:
    """Read the declaration beside a template's script, with its samples."""
    folder = files("schemas.wire.webhooks") / "templates"
    found: dict[str, Any] = codec.loads((folder / f"{name}.json").read_bytes())
    return found


def _read(name: str) -> WebhookTemplate:
    folder = files("schemas.wire.webhooks") / "templates"
    said = declared(name)
    signature: Signature | None = signature_of(said.get("signature"))
    samples: tuple[Sample, ...] = tuple(sample_of(each["sample"]) for each in said["samples"])
    return WebhookTemplate(
        name,
        said["text"],
        (folder / f"{name}.js").read_text(),
        secret=said.get("secret", ""),
        signature=signature,
        answer=said.get("answer", "json"),
        delivery=said.get("delivery", ""),
        echo=said.get("echo", ""),
        samples=samples,
    )
