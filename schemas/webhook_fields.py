"""Webhooks as they are given: fields read strictly, so that a typo is told, not lost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed
from schemas.reading import MAX_NAME, as_whole, bound
from schemas.signatures import CODE, Signature, check_secret
from schemas.signatures import check as check_signature
from schemas.source_fields import as_plain, refuse_others
from schemas.webhooks import (
    ANSWERS,
    MAX_DESCRIPTION,
    MAX_MILLISECONDS,
    MAX_PARAMETERS_BYTES,
    MAX_SCRIPT,
    MAX_SECRET,
    MAX_SECRETS,
    PLACES,
    SLUG,
    Webhook,
)

_SLUG: Final = re.compile(SLUG)
_PLACES: Final = re.compile(PLACES)
_NOT_SCRIPT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FLAGS: Final = ("enabled", "collects")
_TEXTS: Final = {"name": MAX_NAME, "template": MAX_NAME}
_PLACED: Final = ("delivery", "echo")
SETTABLE: Final = (
    "answer",
    "collects",
    "delivery",
    "description",
    "echo",
    "enabled",
    "milliseconds",
    "name",
    "parameters",
    "script",
    "secrets",
    "signature",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """Fields that somebody gave, and what of them is not kept as it is.

    Attributes:
        script: a new version, "" for none.
        secrets: in clear, in the place of those there are; None to leave them.
    """

    webhook: Webhook
    script: str = ""
    secrets: tuple[str, ...] | None = field(default=None, repr=False)


def new_webhook(given: Mapping[str, Any]) -> Draft:
    """Read the fields of a webhook that is to be made; Malformed ``webhook-invalid``."""
    refuse_others(given, ("id", "source", "template", *SETTABLE), "a webhook", CODE)
    webhook_id = given.get("id")
    if type(webhook_id) is not str or not _SLUG.fullmatch(webhook_id):
        message = "id is 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
        raise wrong("id", message)
    source = as_plain(given.get("source", ""), "source", code=CODE)
    if not source.strip():
        raise wrong("source", "source is the id of the event source whose events these are")
    if not given.get("script"):
        raise wrong("script", "script is JavaScript with a function transform, or give a template")
    template = as_plain(given.get("template", ""), "template", code=CODE)
    return _filled(Webhook(webhook_id, source.strip().lower(), template=template), given)


def changed(webhook: Webhook, changes: Mapping[str, Any]) -> Draft:
    """Change the fields that are named; Malformed ``webhook-invalid``."""
    for name in ("id", "source", "template"):
        if name in changes:
            raise wrong(name, f"{name} cannot be changed: leave it out")
    refuse_others(changes, SETTABLE, "a webhook", CODE)
    return _filled(webhook, changes)


def _filled(webhook: Webhook, given: Mapping[str, Any]) -> Draft:
    values: dict[str, Any] = {name: given[name] for name in SETTABLE if name in given}
    script, secrets = values.pop("script", ""), values.pop("secrets", None)
    for name, longest in _TEXTS.items():
        if name in values:
            values[name] = as_plain(values[name], name, longest, CODE)
    if "signature" in values:
        values["signature"] = signature_of(values["signature"])
    if "milliseconds" in values:
        values["milliseconds"] = as_whole(values["milliseconds"])
    made = replace(webhook, **values)
    check(made)
    if script != "":
        check_script(script)
    return Draft(made, script, _secrets(made, secrets))


def check(webhook: Webhook) -> None:
    """Refuse what no webhook is; Malformed ``webhook-invalid``, with ``where`` naming the field."""
    if type(webhook.description) is not str or len(webhook.description) > MAX_DESCRIPTION:
        raise wrong("description", f"description is a text of at most {MAX_DESCRIPTION} characters")
    if _NOT_SCRIPT.search(webhook.description):
        raise wrong("description", "description must be without control characters")
    for name in _FLAGS:
        if type(getattr(webhook, name)) is not bool:
            raise wrong(name, f"{name} must be true or false")
    if webhook.answer not in ANSWERS:
        raise wrong("answer", f"answer is one of {', '.join(ANSWERS)}")
    _check_places(webhook)
    given = webhook.milliseconds
    if type(given) is not int or not 1 <= given <= MAX_MILLISECONDS:
        raise wrong("milliseconds", f"milliseconds is 1 to {MAX_MILLISECONDS}")
    if type(webhook.parameters) is not dict:
        raise wrong("parameters", "parameters is a JSON object")
    bound(webhook.parameters)
    if len(codec.dumps(webhook.parameters)) > MAX_PARAMETERS_BYTES:
        raise wrong("parameters", f"parameters have more than {MAX_PARAMETERS_BYTES} bytes")


def _check_places(webhook: Webhook) -> None:
    for name in _PLACED:
        place = getattr(webhook, name)
        if type(place) is not str or not _PLACES.fullmatch(place):
            raise wrong(name, f"{name} is header:NAME, query:NAME, form:NAME or json:PATH, or ''")


def check_script(script: Any) -> None:
    """Refuse what is no text or too long; whether it is JavaScript is told by a test."""
    if type(script) is not str or not script.strip() or _NOT_SCRIPT.search(script):
        raise wrong("script", "script is JavaScript with a function transform")
    if len(script.encode()) > MAX_SCRIPT:
        raise wrong("script", f"script has more than {MAX_SCRIPT} bytes")


def signature_of(given: Any) -> Signature | None:
    """Read a declaration, None for none; Malformed ``webhook-invalid``."""
    if given is None:
        return None
    if type(given) is not dict:
        raise wrong("signature", "signature is a JSON object, or null for none")
    known = {each.name: each for each in fields(Signature)}
    refuse_others(given, known, "a signature", CODE)
    values = {name: as_whole(value) for name, value in given.items()}
    for name, value in values.items():
        wanted = int if name == "tolerance" else str
        if type(value) is not wanted:
            message = f"signature.{name} is {'seconds' if wanted is int else 'a text'}"
            raise wrong("signature", message)
    if "at" not in values:
        raise wrong("signature", "signature.at says where the signature is: header:NAME, ...")
    signature = Signature(**values)
    check_signature(signature)
    return signature


def wrong(name: str, message: str) -> Malformed:
    """Name the field that is wrong."""
    return Malformed(CODE, message, where=(name,))


def _secrets(webhook: Webhook, given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if type(given) is not list or len(given) > MAX_SECRETS:
        raise wrong("secrets", f"secrets is a list of at most {MAX_SECRETS} texts")
    for each in given:
        if type(each) is not str or len(each) > MAX_SECRET or _NOT_SCRIPT.search(each):
            raise wrong("secrets", f"a secret is a text of at most {MAX_SECRET} characters")
        check_secret(webhook.signature, each)
    return tuple(given)
