"""A topic that is an event source, as options of ``headrace sources create`` and ``update``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from schemas.kafka_topics import ENCODINGS, MECHANISMS, METADATA, SHAPES, STARTS

_PREFIX: Final = "kafka_"


class Contents(click.ParamType):
    """A text, or ``@FILE`` for what is in a file; - is standard input."""

    name = "text|@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it; fails with a sentence where there is no such file."""
        text = str(value)
        if not text.startswith("@"):
            return text
        try:
            if text == "@-":
                return click.get_text_stream("stdin").read().strip()
            return Path(text[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{text[1:]}: {error}", param, ctx)


class Schema(Contents):
    """An Avro schema."""

    name = "json|@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; fails with a sentence for what is no JSON."""
        from schemas import codec
        from schemas.errors import Malformed

        try:
            return codec.loads(super().convert(value, param, ctx))
        except Malformed as error:
            self.fail(f"the schema is no JSON: {error.message}", param, ctx)


class Columns(click.ParamType):
    """``a=b,c=d`` as pairs."""

    name = "name=column,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; fails with a sentence for anything else."""
        if isinstance(value, tuple):
            return value
        pairs = [each.partition("=") for each in str(value).split(",")]
        for name, equals, _ in pairs:
            if not name.strip() or not equals:
                self.fail(f"{value!r} is not NAME=COLUMN,...", param, ctx)
        return tuple((name.strip(), column.strip()) for name, _, column in pairs)


def _option(name: str, *more: str, **keywords: Any) -> Callable[..., Any]:
    return click.option(f"--kafka-{name}", *more, **keywords)


_OPTIONS: Final[list[Callable[..., Any]]] = [
    _option("topic", help="With --bridge kafka: the topic whose records become events."),
    _option("servers", help="host:port[,host:port] of its cluster [headrace's own]."),
    _option("tls/--kafka-no-tls", default=None, help="Encrypt, and check the broker [no]."),
    _option("ca", type=Contents(), help="PEM of who signs its certificate, or @FILE [system's]."),
    _option("certificate", type=Contents(), help="PEM of the client's own certificate, or @FILE."),
    _option("key", type=Contents(), help="PEM of its key, @FILE; kept sealed."),
    _option("sasl", type=click.Choice(MECHANISMS), help="How the client says who it is."),
    _option("username", help="User for --kafka-sasl."),
    _option("password", type=Contents(), help="Its password, @FILE or @- ; kept sealed."),
    _option("group", help="Consumer group there [PREFIX-bridge-SOURCE]."),
    _option(
        "start",
        type=click.Choice(STARTS),
        help="With what a new group begins: all there is (earliest), or what was written since the "
        "source was made (latest) [earliest].",
    ),
    _option("encoding", type=click.Choice(ENCODINGS), help="Of the values [json]."),
    _option("schema", type=Schema(), help="Avro schema that values are written with, @FILE."),
    _option("registry", help="http(s) address of the schema registry that values name."),
    _option("registry-username", help="User for it."),
    _option("registry-password", type=Contents(), help="Its password, @FILE or @- ; kept sealed."),
    _option(
        "shape",
        type=click.Choice(SHAPES),
        help="What a value is: any object (rows), what a protocol's clients send, or a row of an "
        "export [rows].",
    ),
    _option("collection", help="Event type of rows that name none [the topic's name]."),
    _option(
        "map",
        "kafka_columns",
        type=Columns(),
        multiple=True,
        help="What a row's columns are, as in `headrace import`: time=ts,user=uid; also "
        f"{', '.join(METADATA)} and _headers.NAME of the record.",
    ),
    _option(
        "type",
        "kafka_types",
        type=Columns(),
        multiple=True,
        help="What text is: COLUMN=number, boolean, json or text.",
    ),
    _option("skip", multiple=True, help="Column to leave out; repeatable."),
    _option(
        "ahead",
        type=click.IntRange(min=0),
        help="Events that may wait for the processors at first, as in `headrace import`; 0: any "
        "number [10000].",
    ),
    _option("rate", type=click.IntRange(min=0), help="Events per second and worker at most [any]."),
]


def with_kafka(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take(named: dict[str, Any]) -> dict[str, Any]:
    """Put options that were given into the source's field ``kafka``."""
    topic = {
        name.removeprefix(_PREFIX): named.pop(name)
        for name in list(named)
        if name.startswith(_PREFIX)
    }
    for name in ("columns", "types"):
        if name in topic:
            topic[name] = {key: value for pairs in topic[name] for key, value in pairs}
    if "skip" in topic:
        topic["skip"] = list(topic["skip"])
    return {**named, "kafka": topic} if topic else named
