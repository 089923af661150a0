"""``headrace sources validate``: JSON Schemas that events are held against."""

from dataclasses import asdict
from pathlib import Path
from typing import IO, Final

import click
import orjson

from deploy.cli_desk import do, print_json, print_result
from deploy.cli_options import data_option, speaks_plainly
from deploy.cli_sources import source_argument, sources
from schemas import commands
from schemas.errors import Malformed
from schemas.validations import Validation, checked_name

_EXAMPLE: Final = """
\b
Example:
  headrace sources validate shop order_placed --name money --schema - <<'EOF'
  {"required": ["price"], "properties": {"price": {"type": "number", "minimum": 0}}}
  EOF
"""


@click.command(epilog=_EXAMPLE)
@source_argument
@click.argument("event_type")
@click.option("--name", required=True, help="Its name, the only one of its kind in the source.")
@click.option(
    "--schema",
    "file",
    type=click.File("rb"),
    required=True,
    help="File with a JSON Schema 2020-12, - for standard input; it refers to nothing outside.",
)
@data_option
@speaks_plainly
def validate(
    source_id: str, event_type: str, name: str, file: IO[bytes], data: Path | None
) -> None:
    """Hold the properties of all events of a type against a JSON Schema.

    An event that does not fit is stored all the same, with `valid` false and a text for each
    fault in `errors`. An event type may have several schemas; one of a name that is there already
    replaces that one.
    """
    try:
        schema = orjson.loads(file.read())
        validation = Validation(event_type, checked_name(name), schema)
    except orjson.JSONDecodeError as error:
        raise click.ClickException(f"{file.name} is no JSON: {error}") from error
    except Malformed as error:
        raise click.ClickException(f"{error.message} ({error.code})") from error
    print_result(do(commands.Validate(source_id, validation), data))


@click.command()
@source_argument
@data_option
@speaks_plainly
def validations(source_id: str, data: Path | None) -> None:
    """Print the schemas that a source's events are held against."""
    found = do(commands.ShowValidations(source_id), data)
    print_json({"validations": [asdict(each) for each in found]})


@click.command("stop-validating")
@source_argument
@click.argument("name")
@data_option
@speaks_plainly
def stop_validating(source_id: str, name: str, data: Path | None) -> None:
    """Take a schema away that events are held against; what is stored stays as it is."""
    do(commands.StopValidating(source_id, name), data)
    print_json({"removed": name})


for command_ in (validate, validations, stop_validating):
    sources.add_command(command_)
