"""Every setting, read once from ``HEADRACE_*`` variables; nobody else looks at the environment."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import orjson

from deploy.derived import WRITER, clickhouse_password
from deploy.files import OWNER_ONLY, replace_file
from schemas.ids import Ids
from schemas.topics import Topics

PREFIX: Final = "HEADRACE_"
LOCAL_PARTITIONS: Final = 4
DEFAULT_DATA: Final = Path(".headrace")
ADDRESSES_FILE: Final = "addresses.json"
_SHARED: Final = ("kafka", "clickhouse", "prefix", "partitions", "url")
_SECRET_FILE: Final = "secret"  # noqa: S105  the file's name, not what is in it


class SettingError(Exception):
    """A setting that cannot be; the text names it and says what it should be."""


def _documented(default: Any, text: str, *, least: int = 1) -> Any:
    return field(default=default, metadata={"doc": text, "least": least})


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``HEADRACE_<NAME>`` says, or its default; the metadata is the README's table."""

    kafka: str = _documented("127.0.0.1:9092", "Kafka bootstrap address, `host:port[,host:port]`")
    clickhouse: str = _documented(
        "http://127.0.0.1:8123/headrace",
        "ClickHouse's HTTP address, `http://user:password@host:port/database`",
    )
    cluster: str = _documented("", "ClickHouse cluster for `ON CLUSTER` and Replicated tables")
    data: Path = _documented(DEFAULT_DATA, "where one machine keeps everything")
    secret: str = _documented(
        "", "seals the ids that headrace issues: the same text on every tier; one machine draws it"
    )
    admin_key: str = _documented(
        "", "lets its bearer manage everything under `/api`; one machine draws it"
    )
    prefix: str = _documented("headrace", "first word of every topic and consumer group")
    partitions: int = _documented(12, "partitions of raw topics and events; 4 on one machine")
    url: str = _documented(
        "", "address of the ingest as pages reach it, `https://…`; in snippets, links"
    )
    proxies: str = _documented(
        "", "addresses or networks whose X-Forwarded-For is believed, separated by commas"
    )
    geoip: str = _documented(
        "", "file of MaxMind's format (.mmdb) that tells country, region and city of an address"
    )
    heartbeat: int = _documented(
        5, "seconds from one heartbeat to the next; `readyz` of the sink doubts after four"
    )
    answer_seconds: int = _documented(
        2, "longest wait of a request whose answer only the processors know (Tracardi)"
    )
    store: str = _documented(
        "rocksdb", "where processors keep the state of visitors: `rocksdb` on disk, or `memory`"
    )
    spool_bytes: int = _documented(
        1 << 30,
        "bytes on disk of one ingest process for events that come while Kafka is away; 0: none",
        least=0,
    )
    backlog_seconds: int = _documented(
        5,
        "seconds that events may wait for processors which work but do not keep up; what exceeds "
        "that is refused with 503. 0: Kafka keeps all of it",
        least=0,
    )
    erasure_seconds: int = _documented(
        86_400, "from the erasure of a person to the rewriting of the files that hide their rows"
    )
    log_level: str = _documented("info", "debug, info, warning or error")
    kafka_given: bool = False
    clickhouse_given: bool = False

    def __repr__(self) -> str:
        return f"Settings(kafka={self.kafka!r}, data={str(self.data)!r}, prefix={self.prefix!r})"

    @property
    def topics(self) -> Topics:
        """Topic names and their partition count."""
        return Topics(self.prefix, self.partitions)

    @property
    def process_group(self) -> str:
        """Consumer group of the processors, also the Faust app's id."""
        return f"{self.prefix}-processors"

    @property
    def sink_group(self) -> str:
        """Consumer group of the sinks."""
        return f"{self.prefix}-sink"

    @property
    def task_group(self) -> str:
        """Consumer group of the workers that run scheduled tasks."""
        return f"{self.prefix}-tasks"

    @property
    def clickhouse_writer(self) -> str:
        """Address for the tiers: as given, else the one-machine server's with its writing user."""
        if self.clickhouse_given or not self._secret():
            return self.clickhouse
        parts = urlsplit(self.clickhouse)
        user = f"{WRITER}:{clickhouse_password(self.ids())}@{parts.netloc}"
        return urlunsplit(parts._replace(netloc=user))

    @property
    def database(self) -> str:
        """ClickHouse database of the address."""
        return urlsplit(self.clickhouse).path.strip("/") or "headrace"

    def ids(self) -> Ids:
        """The issuer of sealed ids.

        Raises:
            SettingError: no secret in the environment and none in the data directory.
        """
        text = self._secret()
        if not text:
            raise SettingError(
                "HEADRACE_SECRET is not set: give every tier the same random text, "
                'e.g. HEADRACE_SECRET="$(openssl rand -hex 32)"'
            )
        return Ids(text.encode())

    def _secret(self) -> str:
        return self.secret or _read(self.data / _SECRET_FILE)


def from_environment(environ: Mapping[str, str], *, alone: bool = False) -> Settings:
    """Read the settings; addresses that are not set come from a running ``headrace up``.

    Args:
        alone: do not look for a running pipeline, because this is the one.

    Raises:
        SettingError: a variable that is unknown, or whose value cannot be.
    """
    known = {f.name: f for f in fields(Settings) if f.metadata}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        name = variable.removeprefix(PREFIX).lower()
        if not variable.startswith(PREFIX) or name.startswith(("link", "test_")):
            continue
        if name not in known:
            raise SettingError(f"{variable} is not a setting; `headrace --help` lists them all")
        values[name] = _cast(variable, text, known[name])
    given = {"kafka_given": "kafka" in values, "clickhouse_given": "clickhouse" in values}
    running = {} if alone else _addresses(values.get("data", DEFAULT_DATA))
    return Settings(**running | values | given)


def draw_secret(settings: Settings) -> None:
    """Make sure that one machine has a secret: drawn at first start, readable by its owner only."""
    path = settings.data / _SECRET_FILE
    if not settings.secret and not _read(path):
        replace_file(path, secrets.token_hex(32).encode(), mode=OWNER_ONLY)


def write_addresses(settings: Settings) -> None:
    """Let the tiers, ``headrace query`` and others find a pipeline on whatever ports it has.

    Addresses that were given stay out: they reach the tiers through the environment, and may
    carry a password.
    """
    given = {"kafka": settings.kafka_given, "clickhouse": settings.clickhouse_given}
    addresses = {name: getattr(settings, name) for name in _SHARED if not given.get(name)}
    replace_file(settings.data / ADDRESSES_FILE, orjson.dumps(addresses))


def forget_addresses(settings: Settings) -> None:
    """Undo :func:`write_addresses`."""
    (settings.data / ADDRESSES_FILE).unlink(missing_ok=True)


def _addresses(data: Path) -> dict[str, Any]:
    text = _read(Path(data) / ADDRESSES_FILE)
    if not text:
        return {}
    return {name: value for name, value in orjson.loads(text).items() if name in _SHARED}


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _cast(variable: str, text: str, setting: Any) -> Any:
    if isinstance(setting.default, Path):
        return Path(text)
    if isinstance(setting.default, int):
        least = setting.metadata["least"]
        if not text.isdecimal() or int(text) < least:
            raise SettingError(f"{variable} must be a whole number, {least} or more, not {text!r}")
        return int(text)
    return text
