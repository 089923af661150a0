"""Tables by ordered, recorded steps that do no harm when they run again."""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from string import Template
from typing import Final

from sinks.clickhouse import ClickHouse, identifier
from sinks.verdict import Stopped

_BOOTSTRAP: Final = "000_migrations"


def steps() -> dict[str, str]:
    """Every step by name, in order, as the template it is written as."""
    folder = files("sinks").joinpath("ddl").iterdir()
    found = {entry.name: entry for entry in folder if entry.name.endswith(".sql")}
    return {name.removesuffix(".sql"): found[name].read_text() for name in sorted(found)}


def statements(step: str, database: str, cluster: str | None = None) -> Iterator[str]:
    """Fill in a step and cut it into statements.

    Without a cluster tables live on one server; with one, every statement runs ON CLUSTER and
    tables are Replicated, their paths left to the server's ``default_replica_path``.
    """
    lines = [line for line in step.splitlines() if not line.lstrip().startswith("--")]
    text = Template("\n".join([*lines, ""])).substitute(
        database=identifier(database),
        on_cluster=f"ON CLUSTER {identifier(cluster)}" if cluster else "",
        replicated="Replicated" if cluster else "",
    )
    for statement in text.split(";\n"):
        if statement.strip():
            yield statement.strip()


async def migrate(client: ClickHouse, *, database: str, cluster: str | None = None) -> list[str]:
    """Apply what ``<database>.migrations`` does not list yet; return the names applied.

    A step that died half way is run again from its start, which its IF NOT EXISTS allow; two
    callers at once do the same work twice, without harm.

    Raises:
        Failed: ClickHouse refused or is away.
        Stopped: ``migration-changed``: a step was edited after it had been applied here.
    """
    known = steps()
    for statement in statements(known.pop(_BOOTSTRAP), database, cluster):
        await client.command(statement)
    rows = await client.query(f"SELECT name, checksum FROM {database}.migrations FINAL")  # noqa: S608 - an identifier
    done = {str(name): str(checksum) for name, checksum in rows}
    applied = []
    for name, step in known.items():
        checksum = hashlib.sha256(step.encode()).hexdigest()
        if name in done:
            _unchanged(name, done[name], checksum)
            continue
        for statement in statements(step, database, cluster):
            await client.command(statement)
        await client.command(
            f"INSERT INTO {database}.migrations (name, checksum)"
            " SELECT {name:String}, {checksum:String}",
            {"name": name, "checksum": checksum},
        )
        applied.append(name)
    return applied


def _unchanged(name: str, applied: str, here: str) -> None:
    if applied != here:
        raise Stopped(
            "migration-changed",
            f"step {name} was applied with other contents; leave it as it was and add a new step",
        )
