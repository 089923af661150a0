"""A handle on loan to one request: a session's, or one that is thrown away afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.clickhouse.call import Call
from deploy.local.clickhouse.engine import Engine
from deploy.local.clickhouse.engine_handle import Handle, identifier
from deploy.local.clickhouse.sessions import Session, Sessions
from deploy.local.clickhouse.statement import Statement


@dataclass(frozen=True, slots=True)
class Lane:
    """The handle, and the session it belongs to, if any."""

    handle: Handle
    session: Session | None


def enter(engine: Engine, sessions: Sessions, call: Call, statement: Statement) -> Lane:
    """Take a handle and apply the request's settings and database to it; blocking.

    Raises ``ClickHouseError``: those of the session, 115 for an unknown setting, 81 for an unknown
    database. What it returns has to be given to :func:`leave`.
    """
    if call.session_id:
        session = sessions.take(call)
        lane = Lane(session.handle, session)
    else:
        lane = Lane(engine.handle(reads_only=call.user.reads_only), None)
    try:
        _prepare(lane, call, statement)
    except BaseException:
        leave(sessions, lane)
        raise
    return lane


def leave(sessions: Sessions, lane: Lane) -> None:
    """Give the handle back, or close it; blocking."""
    if lane.session is None:
        lane.handle.close()
    else:
        sessions.give_back(lane.session)


@contextmanager
def borrowed(
    engine: Engine, sessions: Sessions, call: Call, statement: Statement
) -> Iterator[Handle]:
    """A handle for one statement that runs in one go; blocking, raises as :func:`enter`."""
    lane = enter(engine, sessions, call, statement)
    try:
        yield lane.handle
    finally:
        leave(sessions, lane)


def _prepare(lane: Lane, call: Call, statement: Statement) -> None:
    if lane.session is None:
        if call.database:
            lane.handle.run(f"USE {identifier(call.database)}", "Null")
        lane.handle.change(call.settings)
    elif statement.kind in {"SET", "USE"}:
        # These are meant for the session itself, so nothing may lie over it meanwhile.
        lane.session.lay({}, "")
    else:
        lane.session.lay(call.settings, call.database)
