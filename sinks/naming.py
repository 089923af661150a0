"""Names of clients -> names and texts in SQL, any text to a name of its own. Pure."""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

OWN_COLUMNS: Final = {
    "_time": "event_time",
    "_user": "user_id",
    "_profile": "profile_id",
    "_session": "session_id",
    "_event_id": "event_id",
    "_received_at": "received_at",
}
"""Columns that every view has, and what they are in ``events``."""

_ESCAPES: Final = {
    "\\": r"\\",
    "'": r"\'",
    "`": r"\`",
    **{chr(code): f"\\x{code:02x}" for code in (*range(32), 127)},
}
_ESCAPED: Final = re.compile("[\\\\'`\x00-\x1f\x7f]")
_TAKEN: Final = re.compile(f"(?:{'|'.join(OWN_COLUMNS)})?_*")
_HASHED: Final = re.compile(r".*~[0-9a-f]{16}", re.DOTALL)
_FILE_NAME: Final = 213
"""Bytes that ClickHouse has for the names of a database and a table: when the table is dropped,
one file name of 255 bytes holds both, a UUID, dots and the suffix."""
_HASH_BYTES: Final = len("%7E") + 16


def quoted(name: str) -> str:
    """Write a name as an identifier; "" has none in ClickHouse."""
    return f"`{_escaped(name)}`"


def literal(text: str) -> str:
    """Write a text as a string."""
    return f"'{_escaped(text)}'"


def column_name(name: str) -> str:
    """Name a property's column: as the property, and one ``_`` more where that name is taken.

    ``_time`` becomes ``_time_`` and ``_time_`` becomes ``_time__``, "" becomes ``_`` and ``_``
    becomes ``__``: no two properties meet in one column.
    """
    return f"{name}_" if _TAKEN.fullmatch(name) else name


def view_name(collection: str, database: str) -> str:
    """Name a collection's view: as the collection, where files can be called so.

    "" becomes ``_``, ``_`` becomes ``__``. What is too long for a file's name is cut and ends in
    ``~`` and 16 hexadecimal digits of its SHA-256; so does what only looks as if it had been cut.
    """
    name = f"{collection}_" if not collection.strip("_") else collection
    room = _FILE_NAME - _file_bytes(database)
    if _file_bytes(name) <= room and not _HASHED.fullmatch(name):
        return name
    return f"{_cut(name, room - _HASH_BYTES)}~{sha256(name.encode()).hexdigest()[:16]}"


def database_names(source_id: str, reserved: Iterable[str]) -> Iterator[str]:
    """Names for a source's database, best first: its id, then with ``s_`` in front, and again."""
    taken = {"system", "default", "information_schema", *(name.lower() for name in reserved)}
    name = source_id
    while True:
        if name not in taken:
            yield name
        name = f"s_{name}"


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


def _file_bytes(name: str) -> int:
    """Length as a file name: ClickHouse writes other bytes than letters, digits, _ as ``%2E``."""
    return sum(map(_bytes_of, name))


def _bytes_of(character: str) -> int:
    if character.isascii() and (character.isalnum() or character == "_"):
        return 1
    return 3 * len(character.encode())


def _cut(name: str, room: int) -> str:
    length = 0
    for place, character in enumerate(name):
        length += _bytes_of(character)
        if length > room:
            return name[:place]
    return name
