"""``headrace import``: files into an event source."""

import asyncio
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from deploy.cli_options import data_option, read_settings, speaks_plainly

if TYPE_CHECKING:
    from deploy.imports.chunks import Wish
    from deploy.imports.places import Place
    from deploy.imports.state import Rejects, State, StateFile
    from deploy.imports.work import Job
    from deploy.settings import Settings
    from schemas.sources import Source

FORMATS: Final = (
    "rows",
    "mixpanel",
    "amplitude",
    "posthog",
    "segment",
    "snowplow",
    "ga4",
    "matomo",
    "tracardi",
    "rakam",
)
CONTAINERS: Final = ("csv", "tsv", "json", "ndjson", "avro", "parquet")
TARGETS: Final = (
    "id, event, kind, time, user, anonymous, session, group, previous, ip, user_agent, url, "
    "title, referrer, locale"
)
BRIDGES: Final = ("import", "rest")
AHEAD: Final = 10_000
_SHOWN: Final = 5


class Pairs(click.ParamType):
    """``a=b,c=d`` as pairs; an empty right side says that there is none."""

    name = "name=column,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; fails with a sentence for anything else."""
        if isinstance(value, tuple):
            return value
        pairs = []
        for each in str(value).split(","):
            name, equals, column = each.partition("=")
            if not equals or not name.strip():
                self.fail(f"{each!r} is not NAME=COLUMN", param, ctx)
            pairs.append((name.strip(), column.strip()))
        return tuple(pairs)


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--source", "source_id", required=True, metavar="ID", help="Event source to fill.")
@click.option(
    "--collection", default="", metavar="NAME", help="Event type of every row [the file's name]."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="rows",
    show_default=True,
    help="Whose export it is; rows: a column is a property.",
)
@click.option(
    "--as",
    "container",
    type=click.Choice(CONTAINERS),
    help="What kind of file it is [seen by its name and first bytes].",
)
@click.option(
    "--map",
    "mapped",
    type=Pairs(),
    multiple=True,
    help=f"What columns are: time=ts,user=uid. There are: {TARGETS}. NAME= says: none is.",
)
@click.option("--id", "id_column", default="", metavar="COLUMN", help="Same as --map id=COLUMN.")
@click.option(
    "--type",
    "typed",
    type=Pairs(),
    multiple=True,
    help="What cells of text are: COLUMN=number, boolean, json or text.",
)
@click.option("--skip", multiple=True, metavar="COLUMN", help="Leave it out; repeatable.")
@click.option("--dry-run", is_flag=True, help="Print the schema it would make; send nothing.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where it is kept how far it is [imports/ in the data directory].",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where bad rows go, as JSON lines with their reason [beside the state].",
)
@click.option("--restart", is_flag=True, help="Begin anew; what is there already is not doubled.")
@click.option(
    "--ahead",
    type=click.IntRange(min=0),
    default=AHEAD,
    show_default=True,
    help="Rows that may wait for the processors at first, for the sake of live traffic: up to 20 "
    "times as many while they keep up, a quarter when they do not; 0: any number.",
)
@click.option(
    "--rate", type=click.IntRange(min=0), default=0, help="At most so many rows a second [any]."
)
@data_option
@speaks_plainly
def import_(
    files: tuple[str, ...],
    source_id: str,
    collection: str,
    format_: str,
    container: str | None,
    mapped: tuple[tuple[tuple[str, str], ...], ...],
    id_column: str,
    typed: tuple[tuple[tuple[str, str], ...], ...],
    skip: tuple[str, ...],
    dry_run: bool,
    state: Path | None,
    rejects: Path | None,
    restart: bool,
    ahead: int,
    rate: int,
    data: Path | None,
) -> None:
    """Import files into an event source, every row once.

    FILE is a file, a directory, - for standard input, http(s)://... or s3://bucket/key, where a
    key that ends with a slash means all below it. CSV, TSV, JSON, JSON lines, Avro and (with
    pip install 'headrace[parquet]') Parquet; gzip, zstd and zip of them, one inside the other, are
    unwrapped. S3 takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and
    AWS_ENDPOINT_URL; without keys the bucket must be public.

    Columns called time, user_id, anonymous_id, session_id, event and the like are known as such,
    others are properties; cells of CSV that are all numbers, booleans or JSON become that.
    --dry-run shows it.

    Interrupted, even by kill -9, the same command goes on where it was. A row has the id that it
    says (--id), else one of its file, its number and what it says, so that what is sent twice is
    stored once. Bad rows are set aside with their line numbers; then the exit status is 1.
    """
    from deploy.imports.chunks import Wish
    from deploy.imports.places import find
    from deploy.imports.work import Job

    columns = {name: column for pairs in mapped for name, column in pairs}
    if id_column:
        columns["id"] = id_column
    types = {name: kind for pairs in typed for name, kind in pairs}
    _check(columns, types, format_)
    wish = Wish(format_, collection, columns, types, skip)
    settings = read_settings(data=data)
    job = Job(tuple(find(files, os.environ)), wish, container or "")
    if dry_run:
        _look(job.places, wish, container or "")
        return
    path = state or _state_path(settings, source_id, job)
    sys.exit(
        asyncio.run(
            _import(
                settings, source_id, job, path, rejects, restart=restart, ahead=ahead, rate=rate
            )
        )
    )


def _check(columns: dict[str, str], types: dict[str, str], format_: str) -> None:
    from schemas.wire.imports import plan

    for name in columns:
        if name not in plan.TARGETS:
            raise click.UsageError(f"--map {name}: there are {', '.join(plan.TARGETS)}")
    for name, kind in types.items():
        if kind not in plan.CELLS:
            raise click.UsageError(f"--type {name}={kind}: there are {', '.join(plan.CELLS)}")
    if columns and format_ != "rows":
        raise click.UsageError(f"--map and --id are for --format rows; {format_} says what is what")


def _look(places: "tuple[Place, ...]", wish: "Wish", container: str) -> None:
    from deploy.imports.look import look
    from deploy.tier import clock

    for line in look(places, wish, container, clock()):
        click.echo(line)


def _state_path(settings: "Settings", source_id: str, job: "Job") -> Path:
    from deploy.imports.state import path_of

    said = asdict(job.wish) | {"files": [place.name for place in job.places]}
    return path_of(settings.data, source_id, said)


async def _import(
    settings: "Settings",
    source_id: str,
    job: "Job",
    path: Path,
    rejects: Path | None,
    *,
    restart: bool,
    ahead: int,
    rate: int,
) -> int:
    from deploy.imports.progress import Progress
    from deploy.imports.run import run
    from deploy.imports.state import Rejects, StateFile
    from deploy.registry import read_sources
    from deploy.tier import clock

    registry = await read_sources(settings.kafka, settings.topics)
    source = _taking(registry.get(source_id), source_id)
    with StateFile(path, now=clock(), fresh=restart) as kept:
        before = kept.state.sent
        aside = Rejects(rejects or path.with_suffix(".rejects.ndjson"), kept.state.rejects_bytes)
        progress = Progress(sys.stderr, sent=before)
        try:
            await run(settings, source, job, kept, aside, ahead=ahead, rate=rate, progress=progress)
        finally:
            progress.end()
            aside.close()
        return _say(kept, aside, before)


def _taking(source: "Source | None", source_id: str) -> "Source":
    if source is None:
        raise click.ClickException(f"there is no source {source_id}: `headrace sources list`")
    if not source.enabled:
        raise click.ClickException(f"source {source_id} is disabled: `headrace sources enable`")
    if source.bridge not in BRIDGES:
        raise click.ClickException(
            f"source {source_id} has bridge {source.bridge}, which takes no imports: "
            f"make one with --bridge import"
        )
    return source


def _say(kept: "StateFile", aside: "Rejects", before: int) -> int:
    state: State = kept.state
    click.echo(f"imported {state.sent - before:,} rows, {state.sent:,} in all")
    if not state.rejected:
        return 0
    click.echo(
        f"{state.rejected:,} rows were set aside, with line and reason: {aside.path}", err=True
    )
    from schemas import codec

    with aside.path.open("rb") as lines:
        for line, _ in zip(lines, range(_SHOWN), strict=False):
            said = codec.loads(line)
            click.echo(
                f"  {said['file']}:{said['line']}: {said['code']}: {said['message']}", err=True
            )
    return 1
