"""Sessions: handles that outlive a request, one statement at a time.

A request's settings and database hold for that request only, but a handle keeps what it is told.
So a session remembers what requests have laid over it and takes it off when a later request does
not ask for it. Clients send the same settings every time, which then costs nothing.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.access import User
from deploy.local.clickhouse.call import Call
from deploy.local.clickhouse.engine_handle import Handle, identifier, quoted
from deploy.local.clickhouse.errors import ClickHouseError


@dataclass(slots=True)
class Session:
    """A handle of one user, busy with at most one request; ``deadline`` is on the given clock."""

    handle: Handle
    timeout: float
    busy: bool = True
    deadline: float = 0.0
    laid: dict[str, str] = field(default_factory=dict)
    beneath: dict[str, str | None] = field(default_factory=dict)
    own_database: str | None = None

    def lay(self, settings: Mapping[str, str], database: str) -> None:
        """Make the handle's settings and database those of one request; blocking."""
        gone = [name for name in self.laid if name not in settings]
        self._restore(gone)
        fresh = {name: value for name, value in settings.items() if self.laid.get(name) != value}
        self._remember([name for name in fresh if name not in self.beneath])
        self.handle.change(fresh)
        self.laid.update(fresh)
        self._use(database)

    def _restore(self, names: list[str]) -> None:
        for name in names:
            value = self.beneath.pop(name)
            kept = "DEFAULT" if value is None else quoted(value)
            self.handle.run(f"SET {identifier(name)} = {kept}", "Null")
            del self.laid[name]

    def _remember(self, names: list[str]) -> None:
        if not names:
            return
        listed = ", ".join(quoted(name) for name in names)
        known = f"SELECT name, value FROM system.settings WHERE changed AND name IN ({listed})"  # noqa: S608 - every name is quoted
        found = self.handle.run(known, "JSONCompactEachRow")
        values = dict(json.loads(line) for line in found.body.splitlines())
        self.beneath.update({name: values.get(name) for name in names})

    def _use(self, database: str) -> None:
        if database:
            if self.own_database is None:
                self.own_database = _current_database(self.handle)
            self.handle.run(f"USE {identifier(database)}", "Null")
        elif self.own_database is not None:
            self.handle.run(f"USE {identifier(self.own_database)}", "Null")
            self.own_database = None


def _current_database(handle: Handle) -> str:
    return handle.run("SELECT currentDatabase()", "RawBLOB").body.decode()


class Sessions:
    """The open sessions of one stand-in; blocking, usable from any thread."""

    def __init__(self, open_handle: Callable[[User], Handle], now: Callable[[], float]) -> None:
        self._open, self._now = open_handle, now
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def take(self, call: Call) -> Session:
        """Return the session of ``call``, new if need be, and keep others out until given back.

        Raises ``ClickHouseError`` 373 while another request has it, 372 when ``session_check``
        asks for one that exists and there is none.
        """
        key = (call.user.name, call.session_id)
        with self._lock:
            session = self._sessions.get(key)
            if session is None and call.session_check:
                raise ClickHouseError(
                    errors.SESSION_NOT_FOUND, "SESSION_NOT_FOUND", "Session not found or expired"
                )
            if session is None:
                session = Session(self._open(call.user), call.session_timeout)
                self._sessions[key] = session
                return session
            if session.busy:
                raise ClickHouseError(
                    errors.SESSION_IS_LOCKED,
                    "SESSION_IS_LOCKED",
                    f"Session {call.session_id} is locked by a concurrent client",
                )
            session.busy = True
            session.timeout = call.session_timeout
            return session

    def give_back(self, session: Session) -> None:
        """Let the next request of the session in, and start its time to live."""
        with self._lock:
            session.deadline = self._now() + session.timeout
            session.busy = False

    def reap(self) -> None:
        """Close the sessions whose time is over, and with them their temporary tables."""
        with self._lock:
            now = self._now()
            over = [k for k, s in self._sessions.items() if not s.busy and s.deadline <= now]
            gone = [self._sessions.pop(key) for key in over]
        for session in gone:
            session.handle.close()

    def close(self) -> None:
        """Close every session, each after the request it is busy with."""
        with self._lock:
            gone = list(self._sessions.values())
            self._sessions.clear()
        for session in gone:
            session.handle.close()
