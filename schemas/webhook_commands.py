"""What can be asked about webhooks; see :mod:`schemas.commands`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.signatures import Signature
from schemas.webhooks import Answer


@dataclass(frozen=True, slots=True)
class Sample:
    """A request to try a script on.

    Attributes:
        query: name -> text, or list of texts.
        headers: names in any case.
        body: a text as it is sent; any other JSON value as JSON.
    """

    method: str = "POST"
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a script made of a sample.

    Attributes:
        version: its number.
        events: as the script gave them, each with the id that it would have.
        said: what it logged.
        code: why it failed, "" where it did not; ``message`` and ``stack`` say more.
    """

    version: int
    events: tuple[Any, ...] = ()
    said: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    stack: str = ""


@dataclass(frozen=True, slots=True)
class WebhookTemplate:
    """A script that is ready to be used, and how its sender signs.

    Attributes:
        text: what it is for.
        secret: what the secret is called at the sender, "" where it has none.
        samples: requests as the sender documents them.
    """

    name: str
    text: str
    script: str
    secret: str = ""
    signature: Signature | None = None
    answer: Answer = "json"
    delivery: str = ""
    echo: str = ""
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateWebhook:
    """Make a webhook with the first version of its script; -> :class:`schemas.webhooks.Webhook`.

    Attributes:
        fields: as JSON: ``id``, ``source``, ``script`` or ``template``, secrets in clear.
    """

    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListWebhooks:
    """-> tuple of all webhooks, by id."""


@dataclass(frozen=True, slots=True)
class ShowWebhook:
    """-> :class:`schemas.webhooks.Webhook`."""

    webhook_id: str


@dataclass(frozen=True, slots=True)
class ChangeWebhook:
    """Change fields; another script is another version, which is not active. -> the webhook."""

    webhook_id: str
    changes: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeleteWebhook:
    """Take a webhook away; its events stay. -> None."""

    webhook_id: str


@dataclass(frozen=True, slots=True)
class TestWebhook:
    """Try a version on a sample; nothing is stored but that it passed. -> :class:`Trial`.

    Attributes:
        sample: None for those of its template.
        version: 0 for the newest.
    """

    __test__ = False  # no test of pytest's

    webhook_id: str
    sample: Sample | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class ActivateWebhook:
    """Let a version that passed a test run from now on; -> the webhook.

    Attributes:
        version: 0 for the newest.
    """

    webhook_id: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class ListWebhookTemplates:
    """-> tuple of :class:`WebhookTemplate`, by name."""


WebhookCommand = (
    CreateWebhook
    | ListWebhooks
    | ShowWebhook
    | ChangeWebhook
    | DeleteWebhook
    | TestWebhook
    | ActivateWebhook
    | ListWebhookTemplates
)
