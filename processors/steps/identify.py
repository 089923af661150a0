"""Whose event is it: the profile id, derived so that it comes out the same every time."""

from collections.abc import Callable

from schemas.envelope import RawEvent
from schemas.events import Event

Issue = Callable[..., str]
"""``Ids.issue``, or a cache in front of it."""


def profile_id(raw: RawEvent, event: Event, session_id: str, issue: Issue) -> str:
    """Take the edge's profile id, else derive one from the best id the event has.

    The order is user, anonymous or device, session, event: the surest first. A vendor whose
    event stands for nobody says so with ``profiled=False`` and gets no profile.
    """
    if raw.profile_id:
        return raw.profile_id
    if not event.profiled:
        return ""
    if event.user_id:
        return issue("profile", raw.source_id, "user", event.user_id)
    if event.anonymous_id:
        return issue("profile", raw.source_id, "anonymous", event.anonymous_id)
    if session_id:
        return issue("profile", raw.source_id, "session", session_id)
    return issue("profile", raw.source_id, "event", raw.event_id)
