"""The ``debugging`` block of Tracardi 0.7: what the processors did with a request."""

from collections.abc import Iterable

from schemas.answers import Told
from schemas.reading import JsonObject
from schemas.wire.tracardi.answering import Answer


def block(answer: Answer, told: Iterable[Told], event_ids: tuple[str, ...]) -> JsonObject:
    """Say what was saved: ``execution``, ``segmentation`` and ``logs`` belong to workflows."""
    by_id = {each.event_id: each for each in told}
    heard = [by_id[event_id] for event_id in event_ids if event_id in by_id]
    profiles = dict.fromkeys(each.profile_id for each in heard if each.profile_id)
    sessions = [answer.session] if heard and answer.session else []
    return {
        "session": _saved(sessions),
        "events": {
            "saved": sum(each.saved for each in heard),
            "errors": [error for each in heard for error in each.errors],
            "ids": [each.event_id for each in heard],
            "types": [each.event_type for each in heard],
        },
        "profile": _saved(list(profiles) if answer.saves_profile else []),
        "execution": {},
        "segmentation": {"errors": [], "ids": []},
        "logs": [],
    }


def _saved(ids: list[str]) -> JsonObject:
    return {"saved": len(ids), "errors": [], "ids": ids, "types": []}
