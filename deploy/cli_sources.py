"""``headrace sources``: manage event sources from the command line."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson

from deploy.cli_options import data_option, read_settings, speaks_plainly
from deploy.tier import clock
from schemas.errors import HeadraceError
from schemas.sources import BRIDGES, KEY_TYPES, Source


@click.group()
def sources() -> None:
    """Manage event sources: where events come from, and the keys that let them in."""


def _show(source: Source, clear_key: str = "") -> None:
    """Print a source as JSON; hashes stay inside, a new key is shown this once."""
    record: dict[str, Any] = asdict(source)
    for key in record["keys"]:
        if clear_key and key is record["keys"][-1]:
            key["key"] = clear_key
        del key["hash"]
    click.echo(orjson.dumps(record, option=orjson.OPT_INDENT_2).decode())


def _await(work: Any) -> Any:
    try:
        return asyncio.run(work)
    except HeadraceError as error:
        raise click.ClickException(f"{error.message} ({error.code})") from error


_field_options: list[Callable[..., Any]] = [
    click.option("--name", help="Name for people."),
    click.option("--description", help="What it is for."),
    click.option("--channel", help="Copied to every event, e.g. Web."),
    click.option("--protocol", help="The only vendor protocol it accepts, or any."),
    click.option("--bridge", type=click.Choice(BRIDGES), help="Kind of endpoint it accepts."),
    click.option("--session-timeout", type=int, help="Seconds of inactivity that end a session."),
    click.option(
        "--origin", "origins", multiple=True, help="Allowed CORS origin; may be repeated."
    ),
]


def _with_fields(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_field_options):
        command = option(command)
    return command


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, ())}


@sources.command()
@click.argument("source_id")
@_with_fields
@click.option("--write-key", default="", help="Adopt this key, which trackers already carry.")
@data_option
@speaks_plainly
def create(source_id: str, write_key: str, data: Path | None, **options: Any) -> None:
    """Create a source; prints it with its write key in clear, this once."""
    from deploy.sources import create_source

    source = Source(id=source_id, **_given(options))
    settings = read_settings(data=data)
    created, clear = _await(create_source(settings, source, now_ms=clock(), write_key=write_key))
    _show(created, clear)


@sources.command("list")
@data_option
@speaks_plainly
def list_(data: Path | None) -> None:
    """List the sources, one a line."""
    from deploy.registry import read_sources

    settings = read_settings(data=data)
    registry = asyncio.run(read_sources(settings.kafka, settings.topics))
    for source_id in registry.ids():
        source = registry.get(source_id)
        if source is not None:
            state = "enabled" if source.enabled else "disabled"
            click.echo(f"{source.id}\t{state}\t{source.protocol}\t{source.bridge}\t{source.name}")


@sources.command()
@click.argument("source_id")
@data_option
@speaks_plainly
def show(source_id: str, data: Path | None) -> None:
    """Print one source as JSON."""
    from deploy.sources import find_source

    _show(_await(find_source(read_settings(data=data), source_id)))


@sources.command()
@click.argument("source_id")
@_with_fields
@data_option
@speaks_plainly
def update(source_id: str, data: Path | None, **options: Any) -> None:
    """Change fields of a source; effective everywhere within seconds."""
    _change(source_id, data, _given(options))


@sources.command()
@click.argument("source_id")
@data_option
@speaks_plainly
def disable(source_id: str, data: Path | None) -> None:
    """Refuse everything that comes for this source."""
    _change(source_id, data, {"enabled": False})


@sources.command()
@click.argument("source_id")
@data_option
@speaks_plainly
def enable(source_id: str, data: Path | None) -> None:
    """Accept events for this source again."""
    _change(source_id, data, {"enabled": True})


@sources.command("rotate-key")
@click.argument("source_id")
@click.option(
    "--type",
    "key_type",
    type=click.Choice(KEY_TYPES),
    default="write",
    show_default=True,
    help="Keys of this type are replaced.",
)
@data_option
@speaks_plainly
def rotate_key(source_id: str, key_type: Any, data: Path | None) -> None:
    """Replace a source's keys of one type by a new one, printed in clear, this once."""
    from deploy.sources import rotate_key as rotate

    source, clear = _await(rotate(read_settings(data=data), source_id, key_type, now_ms=clock()))
    _show(source, clear)


def _change(source_id: str, data: Path | None, changes: dict[str, Any]) -> None:
    from deploy.sources import change_source

    if not changes:
        raise click.ClickException("name at least one field to change")
    settings = read_settings(data=data)
    _show(_await(change_source(settings, source_id, changes, now_ms=clock())))
