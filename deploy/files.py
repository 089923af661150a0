"""Small files that are whole or not there, also after a crash."""

import os
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600


def replace_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file beside its place, bring it to disk and move it there."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
