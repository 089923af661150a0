"""The fields of an event source as options of ``headrace sources create`` and ``update``."""

import re
from collections.abc import Callable
from typing import Any, Final

import click
import orjson

from deploy.cli_kafka import take, with_kafka
from schemas.sources import BRIDGES, IP_POLICIES, MERGE_KEYS

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LIMITS: Final = ("body_bytes", "events_per_request", "requests_per_second")
_DURATION: Final = re.compile(r"(\d{1,9})([smhd]?)")


class Duration(click.ParamType):
    """Seconds, written as 90, 90s, 15m, 1h or 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; fails with a sentence for anything else."""
        if isinstance(value, int):
            return value
        found = _DURATION.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value!r} is no duration: write 90, 90s, 15m, 1h or 7d", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


class Days(Duration):
    """Days, written as 90d; 0 and ``forever`` keep everything."""

    name = "days"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; fails with a sentence for anything else."""
        if isinstance(value, int):
            return value
        text = value.strip()
        seconds = 0 if text in {"0", "forever"} else super().convert(text, param, ctx)
        if seconds % _UNITS["d"]:
            self.fail(f"{value!r} are no whole days: write 90d, or forever", param, ctx)
        return seconds // _UNITS["d"]


class JsonObject(click.ParamType):
    """A JSON object."""

    name = "json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        """Read it; fails with a sentence for anything else."""
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            self.fail(f"{value!r} is no JSON: {error}", param, ctx)
        if not isinstance(found, dict):
            self.fail(f"{value!r} is no JSON object", param, ctx)
        return found


def _switch(name: str, text: str, *, opposite: str = "") -> Callable[..., Any]:
    option = name.replace("_", "-")
    return click.option(f"--{option}/--{opposite or f'no-{option}'}", name, default=None, help=text)


_OPTIONS: Final[list[Callable[..., Any]]] = [
    click.option("--name", help="Name for people."),
    click.option("--description", help="What it is for."),
    click.option("--channel", help="Copied to every event, e.g. Web."),
    click.option("--protocol", help="The only vendor protocol it accepts, or any [any]."),
    click.option(
        "--bridge", type=click.Choice(BRIDGES), help="Kind of endpoint it accepts [rest]."
    ),
    click.option("--origin", "origins", multiple=True, help="Allowed CORS origin; repeatable [*]."),
    _switch(
        "dynamic_schema",
        "Whether events may bring new properties; --frozen first writes down those seen so far.",
        opposite="frozen",
    ),
    click.option(
        "--session-timeout", type=Duration(), help="Inactivity that ends a session [30m]."
    ),
    click.option(
        "--session-max", type=Duration(), help="From a session's first event to its last [24h]."
    ),
    _switch("session_on_campaign", "Let another campaign begin a new session."),
    _switch("static_profile_ids", "Use profile ids as sent, headrace's own or not."),
    _switch("transitional", "Update profiles, store neither events nor sessions."),
    _switch("requires_consent", "Tell Tracardi's trackers to ask for consent."),
    _switch("returns_profile", "Honour Tracardi's option `profile`."),
    click.option(
        "--replace-profile-id", help="Path in a webhook's properties to the id of its profile."
    ),
    _switch("generate_profile", "Give a webhook without such an id a profile of its own."),
    _switch("sticky_session", "Let a webhook's session follow from its profile id."),
    click.option(
        "--merge-by",
        type=click.Choice(MERGE_KEYS),
        multiple=True,
        help="Profiles with the same address are one; repeatable, those given replace all.",
    ),
    click.option("--no-merge-by", is_flag=True, help="Let addresses merge no profiles any more."),
    click.option(
        "--ip",
        type=click.Choice(IP_POLICIES),
        help="What is stored of visitors' addresses: all, the network (/24, /48), nothing [keep]; "
        "raw topics and dead letters hold what was sent.",
    ),
    click.option(
        "--retention",
        "retention_days",
        type=Days(),
        help="Delete events, sessions and dead letters older than this, e.g. 90d [forever].",
    ),
    click.option(
        "--ip-retention",
        "ip_retention_days",
        type=Days(),
        help="Empty the column `ip` of events older than this, e.g. 30d [forever].",
    ),
    click.option(
        "--redirect",
        "redirects",
        type=JsonObject(),
        multiple=True,
        help='Link of a redirect bridge, repeatable: {"id": "sale", "url": "https://...", '
        '"event_type": "sale-opened", "props": {...}}; those given replace all.',
    ),
    click.option("--no-redirects", is_flag=True, help="Take all redirects away."),
    click.option("--limit-body-bytes", "body_bytes", type=int, help="Bytes of a request."),
    click.option("--limit-events", "events_per_request", type=int, help="Events of a request."),
    click.option(
        "--limit-requests",
        "requests_per_second",
        type=int,
        help="Requests per second and ingest process, 0 for any number.",
    ),
]


def with_fields(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    command = with_kafka(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Keep the fields that were named, as the JSON of a source."""
    named = {name: value for name, value in options.items() if value not in (None, ())}
    named = take(named)
    if named.pop("no_redirects", False):
        named["redirects"] = []
    if named.pop("no_merge_by", False):
        named["merge_by"] = []
    limits = {name: named.pop(name) for name in _LIMITS if name in named}
    return {**named, "limits": limits} if limits else named
