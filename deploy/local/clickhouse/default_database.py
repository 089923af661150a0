"""An ordinary ``default`` database in the place of the embedded engine's own.

The engine attaches at every start a ``default`` that overlays the file system: an unknown table is
looked up as a file, so that it comes back as a missing grant (497) instead of an unknown table
(60), and ``DROP TABLE IF EXISTS`` fails. Our database therefore bears another name while the engine
starts. Each step is one rename and may be repeated, so that it does not matter when the process
was killed.
"""

from pathlib import Path

from deploy.local.clickhouse.engine_handle import Handle

_ASIDE = "_default"


def set_aside(store: Path) -> None:
    """Give the database its other name on disk; to be called before the engine starts."""
    # Names of directories elsewhere; the engine makes them again.
    links = store / "data" / "default"
    if links.is_dir():
        for link in links.iterdir():
            link.unlink()
        links.rmdir()
    (store / "metadata" / "default").unlink(missing_ok=True)
    definition = store / "metadata" / "default.sql"
    if definition.exists():
        definition.rename(definition.with_name(f"{_ASIDE}.sql"))


def put_in_place(handle: Handle) -> None:
    """Swap the engine's database for ours; to be called once after its start."""
    known = handle.run(
        f"SELECT count() FROM system.databases WHERE name = '{_ASIDE}'",  # noqa: S608 - a constant
        "TSVRaw",
    )
    handle.run("DETACH DATABASE default", "Null")
    if known.body.strip() == b"1":
        handle.run(f"RENAME DATABASE {_ASIDE} TO default", "Null")
    else:
        handle.run("CREATE DATABASE default ENGINE = Atomic", "Null")
