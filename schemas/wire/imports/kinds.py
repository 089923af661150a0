"""What an event does, by the word that a file has for it."""

from typing import Any, Final, get_args

from schemas.events import Kind

_KINDS: Final[dict[str, Kind]] = {kind: kind for kind in get_args(Kind)}


def kind_of(word: Any, default: Kind = "track") -> Kind:
    """Read one of the six words, whatever their case."""
    return _KINDS.get(word.strip().lower(), default) if type(word) is str else default
