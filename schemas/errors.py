"""Errors that cross a room's border; the tree answers one question: try again, or not?"""

from typing import Final

RETRY_AFTER_SECONDS: Final = 1


class HeadraceError(Exception):
    """Base of everything raised on purpose.

    ``code`` is the short reason code: at once the reply's code, the metric's label and the
    dead letter's reason. ``message`` says what to do next.
    """

    status = 500

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        if status is not None:
            self.status = status

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r}, {self.message!r}, status={self.status})"


class Malformed(HeadraceError):
    """Never succeeds, however often it is sent: the bytes are wrong.

    ``where`` is the path to the offending value, outermost first, e.g.
    ``("body", "events", 0, "type")``; vendors that answer with a location use it.
    """

    status = 400

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        where: tuple[str | int, ...] = (),
    ) -> None:
        super().__init__(code, message, status=status)
        self.where = where


class Refused(HeadraceError):
    """Well formed, but not for this source: key, origin, bridge or switch says no."""

    status = 401


class Unavailable(HeadraceError):
    """Nothing is wrong with the request; the same bytes succeed later.

    ``retry_after`` is when, in seconds.
    """

    status = 503

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        retry_after: int = RETRY_AFTER_SECONDS,
    ) -> None:
        super().__init__(code, message, status=status)
        self.retry_after = retry_after
