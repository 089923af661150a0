"""``headrace sources``: event sources, their keys and schemas from the command line."""

from pathlib import Path
from typing import Any

import click

from deploy.cli_desk import do, print_json, print_result, worked
from deploy.cli_fields import Duration, given, with_fields
from deploy.cli_options import data_option, read_settings, speaks_plainly
from deploy.tier import clock
from schemas import commands
from schemas.sources import KEY_TYPES

source_argument = click.argument("source_id", metavar="ID")
type_option = click.option(
    "--type",
    "key_type",
    type=click.Choice(KEY_TYPES),
    default="write",
    show_default=True,
    help="What the key is good for; master: all of it, and to add to a frozen schema.",
)
customer_option = click.option(
    "--customer", default="", help="The only customer identifier it is good for."
)


@click.group()
def sources() -> None:
    """Manage event sources: where events come from, and the keys that let them in.

    Changes are effective everywhere within seconds. The same is done over HTTP by /api/sources.
    """


@sources.command()
@source_argument
@with_fields
@click.option("--write-key", default="", help="Adopt this key, which trackers already carry.")
@data_option
@speaks_plainly
def create(source_id: str, write_key: str, data: Path | None, **options: Any) -> None:
    """Create a source; prints it with its write key in clear, this once.

    The snippet, pasted into a page, loads the browser tracker with that key.
    """
    fields = {"id": source_id, **given(options)}
    print_result(do(commands.CreateSource(fields, write_key=write_key), data), _place(data))


@sources.command("list")
@data_option
@speaks_plainly
def list_(data: Path | None) -> None:
    """List the sources, one a line: id, state, protocol, bridge, name."""
    for source in do(commands.ListSources(), data):
        state = "enabled" if source.enabled else "disabled"
        click.echo(f"{source.id}\t{state}\t{source.protocol}\t{source.bridge}\t{source.name}")


@sources.command()
@source_argument
@data_option
@speaks_plainly
def show(source_id: str, data: Path | None) -> None:
    """Print a source and its keys; a key itself is never shown again.

    The snippet loads the browser tracker into a page; put a write key where it says so.
    """
    print_result(do(commands.ShowSource(source_id), data), _place(data))


@sources.command()
@source_argument
@with_fields
@data_option
@speaks_plainly
def update(source_id: str, data: Path | None, **options: Any) -> None:
    """Change the fields that are named; prints the source."""
    changes = given(options)
    if not changes:
        raise click.ClickException("name at least one field to change")
    _change(source_id, data, changes)


@sources.command()
@source_argument
@data_option
@speaks_plainly
def disable(source_id: str, data: Path | None) -> None:
    """Refuse everything that comes for this source."""
    _change(source_id, data, {"enabled": False})


@sources.command()
@source_argument
@data_option
@speaks_plainly
def enable(source_id: str, data: Path | None) -> None:
    """Accept events for this source again."""
    _change(source_id, data, {"enabled": True})


@sources.command()
@source_argument
@data_option
@speaks_plainly
def delete(source_id: str, data: Path | None) -> None:
    """Take a source and its keys out of the registry; its events stay."""
    do(commands.DeleteSource(source_id), data)
    print_json({"deleted": source_id})


@sources.command("rotate-key")
@source_argument
@type_option
@customer_option
@click.option(
    "--overlap",
    type=Duration(),
    default=0,
    show_default=True,
    help="How long the old keys are good yet, e.g. 1h.",
)
@data_option
@speaks_plainly
def rotate_key(
    source_id: str, key_type: Any, customer: str, overlap: int, data: Path | None
) -> None:
    """Draw a key in place of all of its type and customer; prints it in clear, this once."""
    done = do(commands.RotateKey(source_id, key_type, overlap, customer), data)
    print_result(done, _place(data))


@sources.command("add-key")
@source_argument
@type_option
@customer_option
@click.option("--name", default="", help="Whose key it is.")
@click.option("--expires-in", type=Duration(), default=0, help="How long it is good, e.g. 90d.")
@data_option
@speaks_plainly
def add_key(
    source_id: str, key_type: Any, customer: str, name: str, expires_in: int, data: Path | None
) -> None:
    """Draw another key; prints it in clear, this once."""
    end = clock() + expires_in * 1000 if expires_in else 0
    command = commands.AddKey(source_id, key_type, customer=customer, name=name, expires_at=end)
    print_result(do(command, data), _place(data))


@sources.command("revoke-key")
@source_argument
@click.argument("key")
@data_option
@speaks_plainly
def revoke_key(source_id: str, key: str, data: Path | None) -> None:
    """Take a key back at once: KEY is its id, or the key itself."""
    print_result(do(commands.RevokeKey(source_id, key), data))


@sources.command("schema")
@source_argument
@data_option
@speaks_plainly
def schema_(source_id: str, data: Path | None) -> None:
    """Print the collections of a source: declared, or seen in its events."""
    print_result(do(commands.ShowSchema(source_id), data))


@sources.command()
@source_argument
@click.argument("collection")
@click.option(
    "--property", "properties", multiple=True, help="NAME=TYPE, e.g. price=double; repeatable."
)
@data_option
@speaks_plainly
def declare(
    source_id: str, collection: str, properties: tuple[str, ...], data: Path | None
) -> None:
    """Add properties to a collection, which need not exist yet."""
    pairs = (text.rpartition("=") for text in properties)
    types = {name: type_name for name, _, type_name in pairs}
    print_result(do(commands.DeclareSchema(source_id, collection, types), data))


@sources.command()
@source_argument
@click.argument("collection")
@click.argument("property_", metavar="PROPERTY")
@data_option
@speaks_plainly
def promote(source_id: str, collection: str, property_: str, data: Path | None) -> None:
    """Give an often read property a column of its own; prints the column's name.

    Views read it within seconds. The column is part of every source's events whose property has
    this name, as the type that it has in COLLECTION; old rows are not rewritten.
    """
    from sinks.clickhouse import ClickHouse
    from sinks.promotions import Promotions

    settings = read_settings(data=data)

    async def work() -> str:
        client = ClickHouse(settings.clickhouse_writer)
        try:
            hot = Promotions(client, settings.database, settings.cluster or None)
            return await hot.promote(source_id, collection, property_)
        finally:
            await client.close()

    click.echo(worked(work()))


def _place(data: Path | None) -> str:
    """Where pages find the ingest, or words that say what to put there."""
    return read_settings(data=data).url or "https://ADDRESS-OF-THE-INGEST"


def _change(source_id: str, data: Path | None, changes: dict[str, Any]) -> None:
    print_result(do(commands.ChangeSource(source_id, changes), data))
