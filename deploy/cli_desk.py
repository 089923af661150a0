"""What the commands have done by the desk, and how they print its answers."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click
import orjson

from deploy.cli_options import read_settings
from deploy.tier import clock
from schemas import commands
from schemas.errors import HeadraceError


def print_result(result: Any, at: str = "") -> None:
    """Print a result, worded as ``/api`` does; ``at``: where pages find the ingest."""
    from schemas.wire.manage.replies import worded

    print_json(worded(result, at))


def print_json(value: dict[str, Any]) -> None:
    """Print JSON for people."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def do(command: commands.Command, data: Path | None) -> Any:
    """Have the desk do it, as ``/api`` has; what it refuses ends the command with a sentence."""
    from deploy.desk import open_desk

    settings = read_settings(data=data)

    async def work() -> Any:
        async with open_desk(settings, clock=clock) as desk:
            return await desk.do(command)

    return worked(work())


def worked(work: Coroutine[Any, Any, Any]) -> Any:
    """Run something to its end; a HeadraceError becomes a sentence."""
    try:
        return asyncio.run(work)
    except HeadraceError as error:
        raise click.ClickException(f"{error.message} ({error.code})") from error
