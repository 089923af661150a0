"""Scheduled tasks: whose script it is, when it runs and what it may reach.

A definition is read strictly, so that a typo is told, not lost. Cron expressions, time zones and
networks are shapes here; whether they can be is for :mod:`deploy.tasks.times` and
:mod:`deploy.tasks.addresses` to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal

from schemas import codec
from schemas.errors import Malformed
from schemas.reading import MAX_NAME, as_whole, bound
from schemas.sandbox import MAX_SOURCE_BYTES
from schemas.source_fields import as_plain, refuse_others

Missed = Literal["skip", "latest", "catch-up"]

MISSED: Final = ("skip", "latest", "catch-up")
MAX_TASKS: Final = 500
MAX_SCRIPT: Final = MAX_SOURCE_BYTES - 4_096
"""Bytes; the rest is for what headrace puts before it."""
MAX_DESCRIPTION: Final = 1_000
MAX_PARAMETERS_BYTES: Final = 16 << 10
MAX_SECRETS: Final = 20
SECRET_LENGTH: Final = range(4, 4_097)
"""Characters; shorter ones could not be told from other text where they are to be hidden."""
MAX_NETWORKS: Final = 20
MAX_CRON: Final = 200
EVERY: Final = range(10, 366 * 86_400 + 1)
"""Seconds from one run to the next."""
TIMEOUT: Final = range(1, 3_601)
"""Seconds that a run may take."""
SLUG: Final = "^[a-z0-9][a-z0-9_-]{0,62}$"
NAME: Final = "^[A-Za-z_][A-Za-z0-9_]{0,63}$"
"""Pattern of a secret's name."""
CODE: Final = "task-invalid"

_SLUG: Final = re.compile(SLUG)
_SECRET_NAME: Final = re.compile(NAME)
_NOT_SCRIPT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_RANGES: Final = {"every": EVERY, "timeout": TIMEOUT}


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is kept.

    Attributes:
        id: a slug, the only one of its kind in the installation.
        source: the event source whose events its are.
        script: JavaScript with a function ``run``.
        every: seconds from one run to the next; 0 where ``cron`` says when.
        cron: five fields as Debian's cron reads them, "" where ``every`` says when. Where neither
            does, it runs once, at ``since``.
        timezone: IANA name of the zone that ``cron`` is of.
        missed: what becomes of runs whose time went by: ``skip`` leaves them out, ``latest`` makes
            up the last of them, ``catch-up`` each, in their order.
        timeout: seconds that a run may take.
        template: name of the template that the script is, "" for none.
        parameters: a JSON object that the script is given.
        secrets: name -> sealed text.
        allow: networks that are not public and may be reached all the same.
        since: from when on the schedule counts, Unix ms.
        created_at, updated_at: Unix ms.
    """

    id: str
    source: str
    script: str
    every: int = 0
    cron: str = ""
    timezone: str = "UTC"
    missed: Missed = "latest"
    enabled: bool = True
    timeout: int = 300
    description: str = ""
    template: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow: tuple[str, ...] = ()
    since: int = 0
    created_at: int = 0
    updated_at: int = 0

    def as_record(self) -> bytes:
        """The value kept in the topic of tasks; its key is the id."""
        return codec.dumps(self)

    @property
    def schedule(self) -> tuple[int, str, str]:
        """What says when it runs."""
        return self.every, self.cron, self.timezone

    @property
    def once(self) -> bool:
        """Whether it runs once and no more."""
        return not self.every and not self.cron


SETTABLE: Final = frozenset(known.name for known in fields(Task)) - {
    "id",
    "since",
    "created_at",
    "updated_at",
}
_KNOWN: Final = frozenset(known.name for known in fields(Task))


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition as somebody wrote it.

    Attributes:
        task: without its secrets.
        secrets: name -> text in clear, None to take one away.
    """

    task: Task
    secrets: Mapping[str, str | None] = field(default_factory=dict, repr=False)


def new_task(given: Mapping[str, Any]) -> Draft:
    """Read the fields of a task that is to be made.

    Raises:
        Malformed: ``task-invalid``; ``where`` and the message name the field.
    """
    refuse_others(given, SETTABLE | {"id"}, "a task", CODE)
    for name in ("id", "source"):
        if name not in given:
            raise wrong(name, f"{name} is missing: a task has an id, and a source for its events")
    return _filled(Task(_slug(given["id"], "id"), "", ""), given)


def changed(task: Task, changes: Mapping[str, Any]) -> Draft:
    """Change fields of a task; of ``secrets`` only those that are named.

    Raises:
        Malformed: ``task-invalid``; ``where`` and the message name the field.
    """
    refuse_others(changes, SETTABLE, "a task that can be changed", CODE)
    if "every" in changes and "cron" not in changes:
        task = replace(task, cron="")
    elif "cron" in changes and "every" not in changes:
        task = replace(task, every=0)
    return _filled(task, changes)


def from_record(value: bytes) -> Task:
    """Inverse of :meth:`Task.as_record`; fields of later versions are left out.

    Raises:
        Malformed: ``json-invalid`` or ``task-invalid``.
    """
    record = codec.loads(value)
    if not isinstance(record, Mapping):
        raise Malformed(CODE, "a task's record is a JSON object")
    known = {name: record[name] for name in record if name in _KNOWN}
    try:
        return Task(**{**known, "allow": tuple(known.get("allow", ()))})
    except TypeError as error:
        raise Malformed(CODE, str(error)) from error


def wrong(name: str, message: str) -> Malformed:
    """Say what is wrong with a field."""
    return Malformed(CODE, message, where=(name,))


def _filled(task: Task, given: Mapping[str, Any]) -> Draft:
    values = {name: given[name] for name in given if name in SETTABLE - {"secrets"}}
    for name, reading in _READINGS.items():
        if name in values:
            values[name] = reading(values[name], name)
    if "script" in given and "template" not in given:
        values["template"] = ""
    filled = replace(task, **values)
    if "script" in given and "template" in given:
        raise wrong("script", "script and template cannot both be given: the template is a script")
    if not filled.script and not filled.template:
        raise wrong("script", "script is missing: give one, or the name of a template")
    if filled.every and filled.cron:
        raise wrong("every", "a task has either every, in seconds, or cron, or runs once")
    return Draft(filled, _secrets(given.get("secrets", {}), task))


def _slug(value: Any, name: str) -> str:
    if type(value) is not str or not _SLUG.fullmatch(value):
        message = f"{name} is a short name: a-z, 0-9, - and _, at most 63 of them"
        raise wrong(name, message)
    return value


def _script(value: Any, name: str) -> str:
    if type(value) is not str or not value.strip():
        raise wrong(name, f"{name} must be a text of JavaScript with a function run")
    if _NOT_SCRIPT.search(value):
        raise wrong(name, f"{name} must be without control characters")
    if len(value.encode()) > MAX_SCRIPT:
        raise wrong(name, f"{name} has more than {MAX_SCRIPT} bytes")
    return value


def _whole(value: Any, name: str) -> int:
    value, allowed = as_whole(value), _RANGES[name]
    if type(value) is not int or value not in allowed:
        last = allowed.stop - 1
        raise wrong(name, f"{name} is a whole number of seconds, {allowed.start} to {last}")
    return value


def _plain(value: Any, name: str) -> str:
    longest = {"cron": MAX_CRON, "description": MAX_DESCRIPTION}.get(name, MAX_NAME)
    return as_plain(value, name, longest, CODE).strip()


def _named(value: Any, name: str) -> str:
    text = _plain(value, name)
    if not text:
        raise wrong(name, f"{name} is empty: leave it out, or name one")
    return text


def _missed(value: Any, name: str) -> Any:
    if type(value) is not str or value not in MISSED:
        raise wrong(name, f"{name} must be one of {', '.join(MISSED)}")
    return value


def _flag(value: Any, name: str) -> bool:
    if type(value) is not bool:
        raise wrong(name, f"{name} must be true or false")
    return value


def _parameters(value: Any, name: str) -> Mapping[str, Any]:
    if type(value) is not dict:
        raise wrong(name, f"{name} must be a JSON object")
    bound(value)
    if len(codec.dumps(value)) > MAX_PARAMETERS_BYTES:
        raise wrong(name, f"{name} have more than {MAX_PARAMETERS_BYTES} bytes")
    return value


def _networks(value: Any, name: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_NETWORKS:
        raise wrong(name, f"{name} must be a list of at most {MAX_NETWORKS} networks")
    return tuple(as_plain(each, name, code=CODE).strip() for each in value)


def _secrets(given: Any, task: Task) -> dict[str, str | None]:
    if type(given) is not dict:
        raise wrong("secrets", "secrets must be a JSON object of names and texts")
    for name, text in given.items():
        if not _SECRET_NAME.fullmatch(name):
            raise wrong("secrets", "a secret's name has letters, digits and _, at most 64 of them")
        if text is not None and (
            type(text) is not str or len(text) not in SECRET_LENGTH or not text.isprintable()
        ):
            message = f"secret {name} must be a text of {SECRET_LENGTH.start} to "
            last = SECRET_LENGTH.stop - 1
            raise wrong("secrets", f"{message}{last} printable characters, or null")
    if len(task.secrets.keys() | given.keys()) > MAX_SECRETS:
        raise wrong("secrets", f"a task has at most {MAX_SECRETS} secrets")
    return dict(given)


_READINGS: Final[Mapping[str, Any]] = {
    "source": _slug,
    "script": _script,
    "every": _whole,
    "cron": _named,
    "timezone": _named,
    "missed": _missed,
    "enabled": _flag,
    "timeout": _whole,
    "description": _plain,
    "template": _named,
    "parameters": _parameters,
    "allow": _networks,
}
