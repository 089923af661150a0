"""``headrace query``: SQL, or a question that has a name."""

import time
from pathlib import Path
from typing import Any

import click

from deploy.cli_options import data_option, format_option, read_settings, speaks_plainly
from schemas.errors import Malformed
from schemas.named import NAMED, Asked, Named
from schemas.named_reading import from_texts, read


@click.command()
@click.argument("sql", required=False)
@click.option("--name", help="A named query instead of SQL; --list shows them.")
@click.option("--source", "source_id", help="The event source that a named query is about.")
@click.option(
    "--param",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of a named query; repeat it for more, and for further values of a list.",
)
@click.option("--list", "listing", is_flag=True, help="Print the named queries and parameters.")
@format_option
@data_option
@speaks_plainly
def query(
    sql: str | None,
    name: str | None,
    source_id: str | None,
    parameters: tuple[str, ...],
    listing: bool,
    output_format: str,
    data: Path | None,
) -> None:
    r"""Run SQL, or a named query, against the ClickHouse of the settings and print the result.

    \b
    headrace query 'SELECT count() FROM headrace.events'
    headrace query --name funnel --source shop -p steps=page_view -p steps=order_placed
    headrace query --name events --source shop -p group=country -p where='price>=10' -p since=7d
    """
    if listing:
        click.echo("\n\n".join(map(_described, NAMED.values())))
        return
    if (sql is None) == (name is None):
        raise click.UsageError("give SQL, or --name with --source; --list shows the names")
    if name is None and (source_id or parameters):
        raise click.UsageError("--source and --param go with --name")
    asked = None if name is None else _asked(name, parameters)
    if asked is not None and not source_id:
        raise click.UsageError("name the event source with --source")
    _print(sql or "", asked, source_id or "", output_format, data)


def _print(
    sql: str, asked: Asked | None, source_id: str, output_format: str, data: Path | None
) -> None:
    from deploy.query import run_query

    settings = read_settings(data=data)
    values: dict[str, Any] = {}
    if asked is not None:
        from sinks.named import statement

        sql, values = statement(settings.database, source_id, "", asked)
    out = run_query(settings.clickhouse, sql, output_format, values)
    click.get_binary_stream("stdout").write(out)


def _asked(name: str, parameters: tuple[str, ...]) -> Asked:
    given: dict[str, list[str]] = {}
    for text in parameters:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"--param {text!r}: write NAME=VALUE")
        given.setdefault(key.strip(), []).append(value)
    try:
        return read(name, from_texts(name, given), time.time_ns() // 1_000_000)
    except Malformed as error:
        raise click.ClickException(error.message) from error


def _described(named: Named) -> str:
    lines = [f"{named.name}: {named.text}"]
    for each in named.parameters:
        what = "needed" if each.default is None else f"default {each.default}"
        if isinstance(each.default, tuple):
            what = "any number of times"
        choices = f" ({', '.join(each.choices)})" if each.choices else ""
        lines.append(f"  {each.name:<10} {each.text}{choices}; {what}")
    lines.append(f"  answers {', '.join(named.columns)}")
    return "\n".join(lines)
