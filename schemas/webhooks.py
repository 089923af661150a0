"""Webhooks: whose request becomes which events, by which script; the record and its reading.

A webhook has versions of its script. One of them is active; an older one can be made active
again. A version has to have made events of a sample before it may be.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final, Literal

from schemas import codec
from schemas.errors import Malformed
from schemas.sandbox import MAX_SOURCE_BYTES, Limits
from schemas.signatures import CODE, PLACE, Signature

Answer = Literal["json", "blank", "empty", "rakam"]

ANSWERS: Final = ("json", "blank", "empty", "rakam")
SLUG: Final = "^[a-z0-9][a-z0-9_-]{0,62}$"
PLACES: Final = rf"^(?:{PLACE})?$"
MAX_WEBHOOKS: Final = 500
MAX_VERSIONS: Final = 20
"""Kept; then the oldest that is not active goes."""
MAX_SCRIPT: Final = MAX_SOURCE_BYTES - 8_192
"""Bytes; the rest is for what headrace puts behind it."""
MAX_SECRETS: Final = 4
MAX_SECRET: Final = 4_096
MAX_PARAMETERS_BYTES: Final = 16 << 10
MAX_DESCRIPTION: Final = 1_000
MAX_MILLISECONDS: Final = 3_000
"""As Rakam gave its scripts."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a script.

    Attributes:
        number: counted from 1, never used twice.
        created_at: Unix ms.
        tested_at: when it last made what a sample should give, Unix ms; 0 for never.
    """

    number: int
    script: str
    created_at: int
    tested_at: int = 0


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that the sender signs with, sealed; several while they are rotated."""

    id: str
    sealed: str = field(repr=False)
    created_at: int = 0


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook as it is kept.

    Attributes:
        id: a slug, the only one of its kind in the installation.
        source: the event source whose events its are.
        template: name of the one that it was made of, "" for none.
        answer: ``json``: 200 once the request is safe; ``blank``: 200 without a body then;
            ``empty``: 204 then; ``rakam``: 200 with ``1`` or ``0`` once its events are known, as
            Rakam answers.
        collects: Tracardi's ``/collect`` of the source goes this way, too.
        delivery: place whose text tells deliveries apart, so that one that is repeated is not
            taken twice; "" for none.
        echo: place whose text is the whole answer where there is one, by which senders make sure
            of an address; "" for none.
        milliseconds: of processor time that the script may take for one request.
        parameters: a JSON object that the script is given.
        active: number of the version that runs, 0 for none yet.
        created_at, updated_at: Unix ms.
    """

    id: str
    source: str
    name: str = ""
    description: str = ""
    template: str = ""
    enabled: bool = True
    answer: Answer = "json"
    collects: bool = False
    delivery: str = ""
    echo: str = ""
    signature: Signature | None = None
    secrets: tuple[Secret, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    milliseconds: int = 250
    versions: tuple[Version, ...] = ()
    active: int = 0
    created_at: int = 0
    updated_at: int = 0

    @property
    def limits(self) -> Limits:
        """What one run of its script may use."""
        return Limits(seconds=self.milliseconds / 1000)

    def version(self, number: int = 0) -> Version | None:
        """Find a version; 0 for the active one."""
        wanted = number or self.active
        return next((each for each in self.versions if each.number == wanted), None)

    def with_script(self, script: str, now: int) -> "Webhook":
        """Add a version, unless the newest has this very script."""
        if self.versions and self.versions[-1].script == script:
            return self
        number = self.versions[-1].number + 1 if self.versions else 1
        kept = list(self.versions)
        while len(kept) >= MAX_VERSIONS:
            kept.remove(next(each for each in kept if each.number != self.active))
        return replace(self, versions=(*kept, Version(number, script, now)))

    def as_record(self) -> bytes:
        """The value kept in the topic of webhooks, sealed secrets included."""
        return codec.dumps(asdict(self))


def from_record(value: bytes) -> Webhook:
    """Inverse of :meth:`Webhook.as_record`; fields of a newer version are left out.

    Raises:
        Malformed: ``webhook-invalid`` or ``json-invalid``.
    """
    record = _known(Webhook, codec.loads(value))
    try:
        record["versions"] = tuple(Version(**_known(Version, v)) for v in record["versions"])
        record["secrets"] = tuple(Secret(**_known(Secret, s)) for s in record["secrets"])
        if record.get("signature") is not None:
            record["signature"] = Signature(**_known(Signature, record["signature"]))
        return Webhook(**record)
    except (TypeError, KeyError) as error:
        raise Malformed(CODE, f"the record of a webhook lacks {error}") from error


def _known(shape: type, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Malformed(CODE, "the record of a webhook is a JSON object")
    return {each.name: value[each.name] for each in fields(shape) if each.name in value}


class Webhooks:
    """All webhooks by id, folded from the records of their topic.

    Attributes:
        sources: ids of the sources that have any.
        revision: rises with every change.
    """

    def __init__(self) -> None:
        self.sources: frozenset[str] = frozenset()
        self.revision = 0
        self._by_id: dict[str, Webhook] = {}

    def all(self) -> tuple[Webhook, ...]:
        """All webhooks, by id."""
        return tuple(self._by_id[webhook_id] for webhook_id in sorted(self._by_id))

    def get(self, webhook_id: str) -> Webhook | None:
        """Find a webhook; ids are matched trimmed and in lower case."""
        return self._by_id.get(webhook_id.strip().lower())

    def collecting(self, source_id: str) -> Webhook | None:
        """Find the webhook that a source's ``/collect`` goes through."""
        if source_id not in self.sources:
            return None
        mine = (each for each in self._by_id.values() if each.source == source_id)
        return next((each for each in mine if each.collects and each.enabled), None)

    def fold(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic of webhooks; Malformed when it cannot be read."""
        self.revision += 1
        if value is None:
            self._by_id.pop(key.decode(), None)
        else:
            self._by_id[key.decode()] = from_record(value)
        self.sources = frozenset(each.source for each in self._by_id.values())
