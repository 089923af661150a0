"""Rakam's column names."""

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

from schemas.errors import Malformed
from schemas.reading import MAX_NAME, JsonObject

_ORDINARY: Final = 64
"""Properties up to which their names are remembered together: events of a kind have the same."""
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=8192)
def column(name: str) -> str:
    """Make a property's name a column's: ``pageURL`` -> ``page_url``, ``Prénom`` -> ``prenom``.

    Raises:
        Malformed: ``name-invalid`` for a name that is empty, too long, or beyond ASCII even
            without its accents.
    """
    plain = name.replace('"', "").removeprefix(" ").removesuffix(" ")
    letters = unicodedata.normalize("NFKD", plain)
    ascii_only = "".join(letter for letter in letters if not unicodedata.combining(letter))
    if not ascii_only or not ascii_only.isascii() or len(ascii_only) > MAX_NAME:
        raise Malformed(
            "name-invalid",
            f"property names are 1 to {MAX_NAME} ASCII letters, digits and signs",
            where=("body", "properties"),
        )
    return _HUMP.sub("_", ascii_only).lower()


def columns(properties: JsonObject) -> dict[str, Any]:
    """Rename every property; of two that become one name the last wins."""
    if len(properties) > _ORDINARY:
        return {column(name): value for name, value in properties.items()}
    return dict(zip(_columns(tuple(properties)), properties.values(), strict=True))


@lru_cache(maxsize=1024)
def _columns(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(column, names))
