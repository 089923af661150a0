"""Templates of an event's properties: texts that refer to what a request brought are replaced."""

import re
from typing import Any, Final

from schemas.reading import JsonObject

ROOTS: Final = ("payload@", "session@")
_INDEX: Final = re.compile(r"[0-9]{1,6}")


def filled(template: Any, known: JsonObject) -> Any:
    """Replace the references of a template, which is no deeper than ``reading.bound`` allows.

    Args:
        known: what each root, without its ``@``, refers to.
    """
    if isinstance(template, dict):
        return {name: filled(value, known) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, known) for value in template]
    if isinstance(template, str) and template.startswith(ROOTS):
        return _found(template, known)
    return template


def _found(reference: str, known: JsonObject) -> Any:
    """Follow ``root@step.step``; None where it leads nowhere. A number is a place in a list."""
    root, _, path = reference.partition("@")
    value: Any = known[root]
    for step in path.split("."):
        if type(value) is dict:
            value = value.get(step)
        elif type(value) is list and _INDEX.fullmatch(step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
