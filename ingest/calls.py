"""Requests that are no events: what they ask for is done by a desk, and worded by the vendor."""

from typing import Any, Final, Protocol, cast

from ingest.tally import Tally
from schemas.commands import Command, Nothing
from schemas.errors import HeadraceError, Refused, Unavailable
from schemas.vendor import Caller, Claim, Grant, Reply, Request, Vendor

_CALLS: Final = "headrace_ingest_calls_total"


class Desk(Protocol):
    """Does what callers ask for."""

    async def do(self, command: Command) -> Any:
        """Do it; the result is what the command's class says.

        Raises:
            Malformed: it can never be done, see :mod:`schemas.commands`.
            Unavailable: not now.
        """

    def is_admin(self, credential: str) -> bool:
        """Tell, in constant time, whether this is the installation's admin key."""


class Closed:
    """The desk of an edge that only takes events."""

    async def do(self, command: Command) -> Any:
        """Do what needs no desk; Unavailable ``desk-closed`` for all else."""
        if not isinstance(command, Nothing):
            raise Unavailable("desk-closed", "this edge takes events only")

    def is_admin(self, credential: str) -> bool:  # noqa: ARG002 - a desk's signature
        """Know no admin key."""
        return False


def check_admin(desk: Desk, credential: str) -> None:
    """Let only the admin key in; Refused ``admin-key-missing`` or ``admin-key-unknown``."""
    if not credential:
        raise Refused("admin-key-missing", "send the admin key of this installation")
    if not desk.is_admin(credential):
        raise Refused("admin-key-unknown", "this is not the admin key of this installation")


async def call(
    desk: Desk, vendor: Vendor, claim: Claim, request: Request, grant: Grant | None, tally: Tally
) -> Reply:
    """Have a request's command done, and count how it went.

    Raises:
        HeadraceError: whatever ``command`` and the desk raise.
    """
    caller = cast("Caller", vendor)
    command = caller.command(claim, request, grant)
    name = type(command).__name__
    try:
        result = await desk.do(command)
    except HeadraceError as error:
        tally.add(_CALLS, (("command", name), ("outcome", error.code)))
        raise
    tally.add(_CALLS, (("command", name), ("outcome", "done")))
    return caller.answer(result, claim, request)
