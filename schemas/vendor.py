"""What a vendor module is: the values it reads and writes, and the shape it must have."""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, ClassVar, Final, Literal, Protocol

from schemas.answers import Ask, Told
from schemas.commands import Command
from schemas.envelope import RawEvent
from schemas.errors import HeadraceError, Malformed
from schemas.events import Event, iso
from schemas.ids import Ids
from schemas.sources import Bridge, Key, KeyType, Redirect, Source
from schemas.values import frozen

_DAY: Final = slice(10)


@dataclass(frozen=True, slots=True)
class Route:
    """A path of a vendor.

    Attributes:
        path: with ``{name}`` for parameters, as Starlette writes them; without the vendor's
            prefix. A parameter named ``source`` is the id of an event source, so that its origins
            are known before a body is.
        endpoint: the vendor's name for it; travels in the raw event.
        methods: HTTP methods beside OPTIONS.
        bridge: the kind of source it serves; None when the vendor has no such notion.
        max_bytes: the vendor's own limit of the inflated body; the source's holds as well.
        purpose: ``collect`` for events; ``call`` for what is answered from what headrace knows,
            see :class:`Caller`.
        any_protocol: it is no vendor's, and serves sources whatever protocol they are for.
        onward: people come this way, and go on whatever becomes of the event, see :class:`Host`.
    """

    path: str
    endpoint: str
    methods: tuple[str, ...] = ("POST",)
    bridge: Bridge | None = None
    max_bytes: int | None = None
    purpose: Literal["collect", "call"] = "collect"
    any_protocol: bool = False
    onward: bool = False


@frozen
class Request:
    """An HTTP request after the edge bounded and inflated it.

    Attributes:
        endpoint: of the route it came in on.
        method: upper case.
        path: parameters of the route.
        query: every value of every query parameter, in order.
        headers: names in lower case; of a repeated header the first.
        body: inflated bytes.
        ip: the client, as the edge trusts it.
        received_at: edge clock, Unix ms.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    endpoint: str
    method: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    ip: str
    received_at: int

    @property
    def bearer(self) -> str:
        """The credential of ``Authorization: Bearer`` (RFC 6750, section 2.1); "" without one."""
        scheme, _, credential = self.headers.get("authorization", "").strip().partition(" ")
        return credential.strip() if scheme.lower() == "bearer" else ""

    def parameters(self) -> dict[str, Any]:
        """The query as a JSON object: a parameter that came once is a text, else a list."""
        return {
            name: values[0] if len(values) == 1 else values for name, values in self.query.items()
        }


@frozen
class Claim:
    """A request that has the right shape, and what it shows to be let in.

    Attributes:
        by: what ``credential`` is: a source's id, a key of a source, a redirect's id, the
            installation's admin key; ``nothing`` where anybody may ask.
        credential: as sent, possibly empty; never logged.
        payload: whatever the vendor's ``split`` or ``command`` wants to find again.
        needs: the type of key that this request takes.
    """

    by: Literal["source", "key", "redirect", "admin", "nothing"]
    credential: str = field(repr=False)
    payload: Any = None
    needs: KeyType = "write"


@frozen
class Grant:
    """What let a request in.

    Attributes:
        source: whose events these are.
        key: that was shown, None where the source's id or a redirect's is enough.
        redirect: that was visited, None everywhere else.
    """

    source: Source
    key: Key | None = None
    redirect: Redirect | None = None


@frozen
class Draft:
    """One event of a request.

    Attributes:
        body: the event as JSON bytes on one line, as the client sent it.
        visitor: chooses the partition; never empty.
        message_id: the client's own id for the event, or "".
        profile_id, session_id: where the edge can know them.
    """

    body: bytes
    visitor: str
    message_id: str = ""
    profile_id: str = ""
    session_id: str = ""


@frozen
class Batch:
    """The events of one request.

    Attributes:
        drafts: in the client's order; may be empty.
        shared: JSON bytes of what they share, b"null" when nothing.
        answer: whatever the vendor's ``reply`` wants to find again.
        ask: what only the processors know and the reply wants to tell; None for nothing.
        told: what they said, in time: filled in by the edge before ``reply``.
        believed: whose the session was taken for before, when they did not say; filled in alike.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    drafts: tuple[Draft, ...]
    shared: bytes = b"null"
    answer: Any = None
    ask: Ask | None = None
    told: tuple[Told, ...] = ()
    believed: str = ""


@frozen
class Reply:
    """An HTTP answer in the vendor's own words.

    Attributes:
        content_type: "" where the vendor sends no such header.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def bound_events(count: int, source: Source) -> None:
    """Refuse more events than a source takes per request, before millions of drafts are made.

    Raises:
        Malformed: ``too-many-events`` (413).
    """
    limit = source.limits.events_per_request
    if count > limit:
        raise Malformed(
            "too-many-events",
            f"event source {source.id} takes {limit} events per request: send fewer",
            status=413,
        )


@dataclass(frozen=True, slots=True)
class Hooked:
    """A webhook's request that was let in.

    Attributes:
        draft: the request as it came, for the webhook's script to understand.
        shared: as :attr:`Batch.shared`.
        answer: how the webhook is answered, see :class:`schemas.webhooks.Webhook`.
        echo: the whole answer to a sender that makes sure of an address; "" where it does not.
    """

    draft: Draft
    shared: bytes
    answer: str
    echo: str = ""


class Hooks(Protocol):
    """What the edge knows of webhooks; see :class:`ingest.hooks.Hooks`."""

    def collecting(self, source_id: str) -> str:
        """Name the webhook that a source's ``/collect`` goes through; "" for none."""

    def admit(self, webhook_id: str, source_id: str, request: Request, address: str) -> Hooked:
        """Let a request in; ``address``: its path, as its sender has it.

        Raises Refused, or Unavailable while webhooks are not known.
        """


@dataclass(frozen=True, slots=True)
class Edge:
    """What ``split`` may know of the world.

    Attributes:
        new_id: draws a UUIDv7 as text.
        ids: derives and recognises headrace's own ids.
        resolve: names the profile that goes on for another, see :mod:`schemas.merges`.
        hooks: of webhooks, None where there are none.
    """

    new_id: Callable[[], str]
    ids: Ids
    resolve: Callable[[str], str] = str
    hooks: Hooks | None = None


def of_today(request: Request, source: Source, ids: Ids) -> str:
    """Name a visitor who is not to be recognised by anything kept on the device.

    The sealed id of source, address, browser and day (UTC): tomorrow it is another.
    """
    agent = request.headers.get("user-agent", "")
    day = iso(request.received_at)[_DAY]
    return ids.issue("profile", source.id, "cookieless", day, request.ip, agent)


class Vendor(Protocol):
    """The shape of a module in this folder.

    ``read`` raises Malformed for a bad shape and Refused when the credential is missing or not
    a credential at all; ``split`` raises Malformed. Nothing else ever leaves either, whatever
    the bytes. ``reply`` and ``refuse`` never raise. ``decode`` raises Malformed only.
    """

    NAME: str
    ROUTES: tuple[Route, ...]

    def read(self, request: Request) -> Claim:
        """Check the shape; find the credential."""

    def split(self, claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
        """Take the request apart into events."""

    def reply(self, batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:
        """Say that every event is safe. ``event_ids`` are in the order of the drafts."""

    def refuse(self, error: HeadraceError, request: Request) -> Reply:
        """Say no, in the vendor's error shape, with ``error.status`` or the vendor's own."""

    def decode(self, raw: RawEvent) -> Event:
        """Understand one raw event."""


class Caller(Vendor, Protocol):
    """A vendor some of whose routes have the purpose ``call``.

    ``read`` serves them, too. ``command`` raises Malformed or Refused; ``answer`` never raises.
    """

    def command(self, claim: Claim, request: Request, grant: Grant | None) -> Command:
        """Say what is to be done; ``grant`` is None when the admin key or nothing was shown."""

    def answer(self, result: Any, claim: Claim, request: Request) -> Reply:
        """Word the result of the command, whose type is the command's business."""


class Greeter(Vendor, Protocol):
    """A vendor whose senders ask before they send, by OPTIONS."""

    def greet(self, headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Say what such a sender wants to hear; () to all others, such as browsers."""


class Host(Vendor, Protocol):
    """A vendor some of whose routes lead people somewhere, and stop nobody for an event's sake."""

    def onward(self, request: Request, ids: Ids) -> Reply | None:
        """Answer where the events were refused or could not be kept; never raises.

        None where the refusal is what is to be answered: nobody is sent on by a forged link.
        """
