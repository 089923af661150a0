"""Tracardi's options: of a request and of an event; only JSON's own true and false count.

``"true"`` as a text is ignored as upstream ignores it, and the answer's warnings say so.
"""

from typing import Final

from schemas.reading import JsonObject, inside

_FLAGS: Final = ("saveSession", "saveEvents", "saveProfile", "debugger", "profile")


def flag(options: JsonObject, name: str, default: bool) -> bool:
    """Read a switch; the default for everything but a boolean."""
    value = options.get(name)
    return value if type(value) is bool else default


def saves_event(options: JsonObject, event: JsonObject) -> bool:
    """Tell whether an event is to be stored: its request's options, then its own, old and new."""
    own = inside(event, "options")
    return (
        flag(options, "saveEvents", default=True)
        and flag(own, "saveEvent", default=True)
        and flag(own, "save", default=True)
    )


def warnings(options: JsonObject) -> tuple[str, ...]:
    """Name the switches that were set to what is no boolean."""
    return tuple(
        f"options.{name} must be true or false, not a {type(options[name]).__name__}: "
        "it was ignored"
        for name in _FLAGS
        if name in options and options[name] is not None and type(options[name]) is not bool
    )


def errors(options: JsonObject) -> tuple[str, ...]:
    """Refuse to start a scheduled flow, which is for internal sources; the events are taken."""
    if options.get("scheduledFlowId") is None and options.get("scheduledNodeId") is None:
        return ()
    return ("scheduledFlowId needs an internal event source: no flow was started",)
