"""What several commands share: settings from the environment, plain errors, options."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deploy.settings import DEFAULT_DATA, PREFIX, Settings, from_environment
from deploy.tier import explain


def read_settings(*, data: Path | None = None, alone: bool = False) -> Settings:
    """Read the settings, with ``--data`` above ``HEADRACE_DATA``."""
    environ = dict(os.environ)
    if data is not None:
        environ[f"{PREFIX}DATA"] = str(data)
    return from_environment(environ, alone=alone)


def speaks_plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print what a person can mend as a sentence instead of a traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except Exception as error:
            sentence = explain(error, Settings(data=kwargs.get("data") or DEFAULT_DATA))
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error

    return wrapped


format_option = click.option(
    "--format",
    "output_format",
    default="PrettyCompactMonoBlock",
    show_default=True,
    help="Any output format of ClickHouse.",
)
data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data directory [.headrace]."
)
