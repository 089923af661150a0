"""Commands that are imported when they are first asked for.

Every tier begins as this command line, and none of them needs what `headrace query` does.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class Lazy(click.Group):
    """A group whose further commands are elsewhere.

    Args:
        elsewhere: name of a command -> "module:attribute".
    """

    def __init__(self, *args: Any, elsewhere: Mapping[str, str], **named: Any) -> None:
        super().__init__(*args, **named)
        self._elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in their order in the help."""
        return sorted({*super().list_commands(ctx), *self._elsewhere})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of that name."""
        place = self._elsewhere.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
