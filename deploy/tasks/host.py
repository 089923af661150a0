"""What a task's script can do beyond computing: HTTP, state, secrets, a log, events.

Everything here runs in the run's own thread while the script waits. Whatever a script asks for is
bounded, and what it tells (log, errors, result) has its secrets taken out.
"""

import csv
import io
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote, quote_plus

from deploy.tasks.addresses import Network
from deploy.tasks.asking import request_of
from deploy.tasks.connect import Resolve, hang_up, resolved
from deploy.tasks.fetch import Answer, fetch
from schemas import codec
from schemas.errors import HeadraceError, Malformed
from schemas.reading import JsonObject, bound

MAX_REQUESTS: Final = 1_000
MAX_STATE_BYTES: Final = 64 << 10
MAX_KEY: Final = 256
MAX_EVENTS: Final = 10_000
"""Events of one call of ``emit``."""
LOG_LINES: Final = 200
LOG_LINE: Final = 500
_HIDDEN: Final = "***"


class Stopped(BaseException):
    """The run is over, whatever the script thinks: no exception that it may catch.

    Attributes:
        code, message: why; short, and for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Outside(Protocol):
    """Where events and state go; each call returns when it is done."""

    def emit(self, events: Sequence[JsonObject]) -> None:
        """Make events safe; raises Malformed for what is no event, Stopped when it is over."""

    def load(self, options: Any) -> JsonObject:
        """Import files; raises Malformed, Unavailable, Stopped when it is over."""

    def save(self, state: Mapping[str, Any]) -> None:
        """Keep the state; raises Stopped when the run is not the one that counts."""


@dataclass(slots=True)
class Host:
    """One run's side of the functions.

    Attributes:
        secrets: name -> text, in clear.
        state: as the script has it now.
        deadline: of the run, by :func:`time.monotonic`.
        stopped: why it is over, set by :meth:`stop`.
        log: the last lines.
        events: how many were emitted.
        failures: what was thrown in the script, by its text: the code.
    """

    outside: Outside
    secrets: Mapping[str, str] = field(repr=False)
    allowed: Sequence[Network]
    state: dict[str, Any]
    deadline: float
    count: Callable[[str], None]
    resolve: Resolve = resolved
    stopped: Stopped | None = None
    connection: socket.socket | None = None
    log: list[str] = field(default_factory=list)
    left_out: int = 0
    events: int = 0
    requests: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def stop(self, why: Stopped) -> None:
        """End the run at what the script asks for just now, or next; called by another thread."""
        self.stopped = why
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection that is open, if one is; called by another thread."""
        if self.connection is not None:
            hang_up(self.connection)

    def functions(self) -> dict[str, Callable[[str], str]]:
        """What the script's side calls, by name: JSON text of the arguments to JSON text."""
        known: dict[str, Callable[..., Any]] = {
            "$http": self._http,
            "$get": self._get,
            "$set": self._set,
            "$save": self._save,
            "$secret": self._secret,
            "$known": self.secrets.__contains__,
            "$csv": _csv,
            "$emit": self._emit,
            "$import": self._import,
            "$log": self.say,
        }
        return {name: self._guarded(called) for name, called in known.items()}

    def hide(self, text: str) -> str:
        """Take the secrets out of a text, also as they stand in JSON and in URLs."""
        for secret in sorted(self.secrets.values(), key=len, reverse=True):
            escaped = codec.dumps(secret).decode()[1:-1]
            for form in (secret, escaped, quote(secret, safe=""), quote_plus(secret)):
                text = text.replace(form, _HIDDEN)
        return text

    def lines(self) -> tuple[str, ...]:
        """The log as it is kept."""
        first = [f"... {self.left_out} lines before these are left out"] if self.left_out else []
        return (*first, *self.log)

    def _guarded(self, called: Callable[..., Any]) -> Callable[[str], str]:
        def guarded(arguments: str) -> str:
            if self.stopped is not None:
                raise self.stopped
            if time.monotonic() >= self.deadline:
                raise Stopped("run-timeout", "the run took longer than its timeout")
            try:
                return codec.dumps(called(*codec.loads(arguments))).decode()
            except HeadraceError as error:
                if self.stopped is not None:
                    raise self.stopped from error
                error.message = self.hide(error.message)
                error.args = (error.message,)
                if len(self.failures) < MAX_REQUESTS:
                    self.failures[error.message] = error.code
                raise

        return guarded

    def _http(self, options: Any) -> JsonObject:
        if self.requests >= MAX_REQUESTS:
            message = f"a run makes at most {MAX_REQUESTS} requests: go on in the next one"
            raise Stopped("too-many-requests", message)
        self.requests += 1
        asked, seconds = request_of(options)
        deadline = min(self.deadline, time.monotonic() + seconds)
        try:
            answer = fetch(
                asked,
                allowed=self.allowed,
                deadline=deadline,
                resolve=self.resolve,
                watch=self.watch,
            )
        except HeadraceError as error:
            self.count(error.code)
            raise
        finally:
            self.connection = None
        self.count(f"{answer.status // 100}xx")
        return _worded(answer)

    def watch(self, sock: socket.socket) -> None:
        """Note the connection that is open; hang up at once where the run is over."""
        self.connection = sock
        if self.stopped is not None:
            hang_up(sock)

    def _get(self, key: str) -> Any:
        return self.state.get(key)

    def _set(self, key: str, value: Any) -> None:
        if len(key) > MAX_KEY:
            raise Malformed("state-too-large", f"a key of state has at most {MAX_KEY} characters")
        bound(value)
        new = {name: kept for name, kept in self.state.items() if name != key}
        if value is not None:
            new[key] = value
        text = codec.dumps(new).decode()
        if len(text.encode()) > MAX_STATE_BYTES:
            message = f"state has at most {MAX_STATE_BYTES} bytes in all"
            raise Malformed("state-too-large", message)
        if self.hide(text) != text:
            raise Malformed("secret-in-state", f"{key} holds a secret, and state is not sealed")
        self.state = new

    def _save(self) -> None:
        self.outside.save(self.state)

    def _secret(self, name: str) -> str:
        found = self.secrets.get(name)
        if found is None:
            known = ", ".join(self.secrets) or "none"
            raise Malformed("secret-unknown", f"no secret {name[:64]!r}; there are: {known}")
        return found

    def _emit(self, events: Any) -> int:
        if len(events) > MAX_EVENTS:
            raise Malformed("too-many-events", f"emit at most {MAX_EVENTS} events at once")
        self.outside.emit(events)
        self.events += len(events)
        return len(events)

    def _import(self, options: Any) -> JsonObject:
        try:
            return self.outside.load(options)
        finally:
            self.connection = None

    def say(self, text: str) -> None:
        """Write into the log."""
        for line in self.hide(text)[: LOG_LINE * 4].splitlines()[:20] or [""]:
            self.log.append(line[:LOG_LINE])
        over = len(self.log) - LOG_LINES
        if over > 0:
            self.left_out += over
            del self.log[:over]


def _worded(answer: Answer) -> JsonObject:
    return {
        "status": answer.status,
        "url": answer.url,
        "headers": dict(answer.headers),
        "body": answer.text(),
    }


def _csv(text: str, options: Any) -> list[Any]:
    """Read CSV with a header line (RFC 4180) as objects."""
    delimiter = options.get("delimiter", ",") if type(options) is dict else ","
    if type(delimiter) is not str or len(delimiter) != 1:
        raise Malformed("csv-invalid", "delimiter is one character")
    try:
        rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
        names = [name.strip() for name in next(rows, [])]
        return [dict(zip(names, row, strict=False)) for row in rows if row]
    except (csv.Error, TypeError, ValueError) as error:
        raise Malformed("csv-invalid", f"this is no CSV: {error}") from error
