"""What to say to whoever names what is not there."""

from collections.abc import Sequence
from typing import Final

from schemas.errors import Malformed

_MENTIONED: Final = 64
"""Characters of the name that was given, and ids of those that there are."""


def unknown(kind: str, given: str, ids: Sequence[str]) -> Malformed:
    """Make the error ``<kind>-unknown`` (404), which lists what there is.

    Args:
        kind: one word, such as ``source``.
        ids: of all that there are, in the order in which they are listed.
    """
    known = ", ".join(ids[:_MENTIONED]) + (", ..." if len(ids) > _MENTIONED else "")
    message = f"no {kind} {given[:_MENTIONED]!r}; there are: {known or 'none yet'}"
    return Malformed(f"{kind}-unknown", message, status=404)
