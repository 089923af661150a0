"""``headrace dead`` and ``headrace replay``: another try for what failed, or came out wrong."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from deploy.cli_fields import Duration
from deploy.cli_options import data_option, format_option, read_settings, speaks_plainly
from deploy.tier import clock
from schemas.ids import is_uuid

if TYPE_CHECKING:
    from deploy.replay import Passed
    from deploy.settings import Settings
    from sinks.letters import Group, Wanted

STAGES: Final = ("process", "sink")
RATE: Final = 2_000
"""Events per second; a processor does ten times as many."""


class Moment(click.ParamType):
    """A moment as Unix ms: how long ago, or ISO 8601 with or without a zone (then UTC)."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; fails with a sentence for anything else."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return clock() - 1000 * Duration().convert(value, param, ctx)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


class LetterId(click.ParamType):
    """A letter's id."""

    name = "letter_id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it; fails with a sentence for anything else."""
        text = str(value).strip().lower()
        if not is_uuid(text):
            self.fail(f"{value!r} is no letter id: `headrace dead list` shows them", param, ctx)
        return text


rate_option = click.option(
    "--rate",
    type=click.IntRange(min=1),
    default=RATE,
    show_default=True,
    help="At most so many events a second, for the sake of live traffic.",
)


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose letters."""
    for option in (
        click.option("--stage", type=click.Choice(STAGES), help="Where it failed."),
        click.option("--source", default="", metavar="ID", help="Of this event source."),
        click.option("--reason", default="", metavar="CODE", help="With this reason code."),
        click.option("--until", type=Moment(), help="Failed before then."),
        click.option("--since", type=Moment(), help="Failed since: 2h, 7d, or 2026-11-21T13:00Z."),
    ):
        command = option(command)
    return command


@click.group()
def dead() -> None:
    """Dead letters: what could not be processed or stored, with reason and original bytes.

    A reason code is the same text as in the metrics. Letters are rows of headrace.dead_letters.
    """


@dead.command("list")
@selecting
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="At most so many.",
)
@format_option
@data_option
@speaks_plainly
def list_(
    since: int | None,
    until: int | None,
    reason: str,
    source: str,
    stage: str | None,
    limit: int,
    output_format: str,
    data: Path | None,
) -> None:
    """List letters, the newest first."""
    from deploy.query import run_query
    from sinks.letters import Wanted, listing

    settings = read_settings(data=data)
    wanted = Wanted((), since, until, reason, source, stage or "")
    sql, parameters = listing(settings.database, wanted, limit)
    click.get_binary_stream("stdout").write(
        run_query(settings.clickhouse, sql, output_format, parameters)
    )


@dead.command()
@click.argument("letter_id", type=LetterId())
@data_option
@speaks_plainly
def show(letter_id: str, data: Path | None) -> None:
    """Print everything about one letter.

    The original comes last, as it was; where it is no UTF-8 it is in Base64, and
    original_encoding says so.
    """
    from deploy.dead import open_letters

    settings = read_settings(data=data)

    async def look() -> dict[str, Any] | None:
        async with open_letters(settings) as letters:
            return await letters.show(letter_id)

    found = asyncio.run(look())
    if found is None:
        raise click.ClickException(f"there is no letter {letter_id}")
    original = found.pop("original")
    for name, value in found.items():
        click.echo(f"{name}: {'never' if value is None else value}")
    click.echo(f"original:\n{original}")


@dead.command("replay")
@click.argument("letter_ids", nargs=-1, metavar="[LETTER_ID]...", type=LetterId())
@selecting
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@click.option("--again", is_flag=True, help="Also letters that were sent through before.")
@rate_option
@data_option
@speaks_plainly
def replay_letters(
    letter_ids: tuple[str, ...],
    since: int | None,
    until: int | None,
    reason: str,
    source: str,
    stage: str | None,
    dry_run: bool,
    again: bool,
    rate: int,
    data: Path | None,
) -> None:
    """Send letters through again: those named, those chosen, or without either all.

    Letters of stage process go back to the raw topic of their source, those of stage sink to
    the topic of events, to the partition they came from. Event ids stay, so an event is stored
    once however often it is sent. A letter that was sent is noted and left out the next time;
    what fails again is a new letter. Exits with 1 when any could not be sent.
    """
    from sinks.letters import Wanted

    settings = read_settings(data=data)
    wanted = Wanted(letter_ids, since, until, reason, source, stage or "")
    sys.exit(asyncio.run(_replay(settings, wanted, dry_run=dry_run, again=again, rate=rate)))


async def _replay(
    settings: "Settings", wanted: "Wanted", *, dry_run: bool, again: bool, rate: int
) -> int:
    from deploy.bridge.again import renewing
    from deploy.dead import Replay, open_letters
    from deploy.registry import read_sources

    async with open_letters(settings) as letters:
        before = await letters.now()
        groups = await letters.groups(wanted, before)
        total = sum(group.letters - (0 if again else group.replayed) for group in groups)
        _say_what_not(wanted, groups, again=again)
        if dry_run:
            _say_what(groups, again=again)
            click.echo(f"would replay {total:,}")
            return 0
        registry = await read_sources(settings.kafka, settings.topics)
        work = Replay(
            settings.kafka,
            settings.topics,
            letters,
            frozenset(registry.ids()),
            rate=rate,
            renew=renewing(settings, registry, clock),
        )
        with click.progressbar(length=total, label="replaying", file=sys.stderr) as bar:
            count = await work.run(wanted, before, again=again, progress=bar.update)
    click.echo(count)
    return 1 if count.failed else 0


def _say_what_not(wanted: "Wanted", groups: "list[Group]", *, again: bool) -> None:
    found = sum(group.letters for group in groups)
    if wanted.ids and found < len(set(wanted.ids)):
        click.echo(f"{len(set(wanted.ids)) - found:,} of the letters named are not there", err=True)
    sent = sum(group.replayed for group in groups)
    if sent and not again:
        click.echo(f"{sent:,} were replayed before and are left out (--again)", err=True)


def _say_what(groups: "list[Group]", *, again: bool) -> None:
    for group in groups:
        letters = group.letters - (0 if again else group.replayed)
        if letters:
            click.echo(f"{letters:>9,}  {group.stage}  {group.source_id}  {group.code}")


@click.command()
@click.option("--source", required=True, metavar="ID", help="Event source whose raw topic it is.")
@click.option(
    "--since", type=Moment(), required=True, help="Received since: 2h, 7d, or 2026-11-21T13:00Z."
)
@click.option("--until", type=Moment(), help="Received before then [the start of the replay].")
@rate_option
@data_option
@speaks_plainly
def replay(source: str, since: int, until: int | None, rate: int, data: Path | None) -> None:
    """Have a source's raw events processed again, after a fix of the processors.

    Copies the records of its raw topic, as they are, to the end of the partition they are in;
    the processors take them like new ones. Event ids and times of receipt stay, so every event
    replaces its own row and none is doubled. Session ids stay, too: of sessions that are
    remembered (a visitor's last four, for two days), and of others unless --since is in their
    midst or their events came late. Profiles that were merged meanwhile come out as the one they
    were merged into.

    Kafka keeps raw topics for seven days. Copies that an earlier replay made are left out.
    Ended in the middle, it can be run again: what is copied twice collapses.
    """
    settings = read_settings(data=data)
    passed = asyncio.run(_replay_raw(settings, source, since, until, rate))
    click.echo(f"replayed {passed.events:,} events in {passed.records:,} records")


async def _replay_raw(
    settings: "Settings", source: str, since: int, until: int | None, rate: int
) -> "Passed":
    from deploy.registry import read_sources
    from deploy.replay import RawReplay

    registry = await read_sources(settings.kafka, settings.topics)
    if registry.get(source) is None:
        raise click.ClickException(f"there is no source {source}: `headrace sources list`")
    work = RawReplay(settings.kafka, settings.topics.raw(source), rate=rate)
    with click.progressbar(length=1, label="replaying", file=sys.stderr) as bar:

        def progress(done: int, of: int) -> None:
            bar.length = of
            bar.update(done)

        return await work.run(since, until, progress)
