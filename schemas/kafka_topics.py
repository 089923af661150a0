"""A topic of somebody's Kafka that is an event source: where it is, and what its records are."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final
from urllib.parse import urlsplit

from schemas import codec
from schemas.avro import MAX_SCHEMA_BYTES
from schemas.avro.types import reader_of
from schemas.errors import Malformed
from schemas.reading import MAX_ID, MAX_NAME, as_whole

SHAPES: Final = (
    "rows",
    "own",
    "cloudevents",
    "tracardi",
    "rakam",
    "filum",
    "eventbunker",
    "mixpanel",
    "amplitude",
    "posthog",
    "segment",
    "snowplow",
    "ga4",
    "matomo",
    "tracardi-export",
    "rakam-export",
)
"""What a value is: any object (rows), what a protocol's clients send, a row of an export."""
PROTOCOLS: Final = ("own", "cloudevents", "tracardi", "rakam", "filum", "eventbunker")
"""Shapes that are bodies of requests in a protocol of the same name."""
ENCODINGS: Final = ("json", "avro", "confluent")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
STARTS: Final = ("earliest", "latest")
SECRETS: Final = ("password", "key", "registry_password")
"""Fields that are kept sealed and never shown."""
METADATA: Final = ("_key", "_timestamp", "_topic", "_partition", "_offset")
"""What ``columns`` may name beside the value's own; ``_headers.NAME`` is a header."""

MAX_TOPIC: Final = 249
MAX_SERVERS: Final = 2_048
MAX_PEM: Final = 64 << 10
MAX_COLUMNS: Final = 1_000
MAX_RATE: Final = 1_000_000_000
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SERVER: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9a-fA-F:.]{2,45}\]):\d{1,5}")
_PEM: Final = re.compile(r"\s*-----BEGIN [A-Z ]+-----[\s\S]+-----END [A-Z ]+-----\s*")
_LONGEST: Final = {"servers": MAX_SERVERS, "ca": MAX_PEM, "certificate": MAX_PEM, "key": MAX_PEM}
_SENT_TO: Final = {"servers": ("password", "key"), "registry": ("registry_password",)}
_MAPPINGS: Final = ("columns", "types")
CODE: Final = "kafka-invalid"
_SEALED: Final = 2
"""A sealed text is longer than what is in it, by less than this factor and some bytes."""


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """Where records come from, and how each becomes events.

    Attributes:
        topic: its name.
        servers: ``host:port[,host:port]``; "" is headrace's own cluster.
        tls: encrypt, and check the broker's certificate and name.
        ca: PEM of who signs it, "" for those that the system trusts.
        certificate, key: PEM of the client's own, where the broker wants one.
        sasl: mechanism, out of :data:`MECHANISMS`; "" for none.
        group: consumer group in that cluster, "" for one named after prefix and source.
        start: where a group begins that has committed nothing: with all there is (``earliest``),
            or with what was written since the source was made (``latest``).
        encoding: of values: ``json`` (a value, an array of them, or JSON lines), ``avro`` (a bare
            datum), ``confluent`` (a datum behind the five bytes that name its schema).
        schema: Avro schema that values were written with.
        registry: http(s) address of a schema registry, asked for schemas that values name.
        shape: out of :data:`SHAPES`.
        collection: event type of rows that have none in a column.
        columns: what a column is (see :data:`schemas.wire.imports.plan.TARGETS`) -> its name.
        types: column of text -> what it is read as.
        skip: columns that are left out.
        ahead: events that may wait for the processors at first, 0 for any number.
        rate: events per second and worker, 0 for any number.
    """

    topic: str
    servers: str = ""
    tls: bool = False
    ca: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    sasl: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    group: str = ""
    start: str = "earliest"
    encoding: str = "json"
    schema: Any = None
    registry: str = ""
    registry_username: str = ""
    registry_password: str = field(default="", repr=False)
    shape: str = "rows"
    collection: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    ahead: int = 10_000
    rate: int = 0

    def shown(self) -> dict[str, Any]:
        """Write it as JSON without its secrets, but with the names of those that are set."""
        record = asdict(self)
        known = [name for name in SECRETS if record.pop(name)]
        return {**record, "skip": list(self.skip), "secrets": known}


FIELDS: Final = frozenset(known.name for known in fields(KafkaTopic))


def of_record(record: Mapping[str, Any]) -> KafkaTopic:
    """Read what the sources topic keeps; TypeError where the topic's name is missing."""
    skip = record.get("skip", ())
    return KafkaTopic(**{**record, "skip": tuple(skip) if isinstance(skip, list) else skip})


def given(present: KafkaTopic | None, changes: Any) -> KafkaTopic | None:
    """Change the fields that are named, of a topic that may not be there yet; null takes it away.

    Raises:
        Malformed: ``kafka-invalid``.
    """
    if changes is None:
        return None
    if not isinstance(changes, Mapping):
        raise _wrong("kafka must be a JSON object, or null for none")
    for name in changes:
        if name not in FIELDS:
            shown = name if len(name) <= MAX_NAME else name[:MAX_NAME] + "..."
            raise _wrong(f"{shown!r} is no field of kafka; there are: {', '.join(sorted(FIELDS))}")
    if present is None and "topic" not in changes:
        raise _wrong("kafka needs a topic")
    before = {} if present is None else {name: getattr(present, name) for name in FIELDS}
    found = of_record(before | {name: as_whole(value) for name, value in changes.items()})
    check(found)
    if changes.get("key") and not _PEM.fullmatch(found.key):
        raise _wrong("key must be PEM: -----BEGIN PRIVATE KEY----- ...")
    if present is not None:
        _check_moved(present, found, changes)
    return found


def _check_moved(present: KafkaTopic, found: KafkaTopic, changes: Mapping[str, Any]) -> None:
    """Let nobody who may change an address, and not see a secret, have it sent to him."""
    for place, secrets in _SENT_TO.items():
        if getattr(found, place) == getattr(present, place):
            continue
        for name in secrets:
            if getattr(found, name) and name not in changes:
                raise _wrong(f"{place} is another one: give {name} anew, or as an empty text")


def check(found: KafkaTopic) -> None:
    """Raise Malformed (``kafka-invalid``) naming the first field that cannot be."""
    _check_plain(found)
    if not _TOPIC.fullmatch(found.topic) or found.topic in {".", ".."}:
        raise _wrong("topic must be 1 to 249 of A-Z, a-z, 0-9, '.', '_' and '-'")
    servers = found.servers.split(",") if found.servers else []
    if not all(_SERVER.fullmatch(server.strip()) for server in servers):
        raise _wrong("servers must be host:port[,host:port]")
    _one_of(found, "sasl", ("", *MECHANISMS))
    _one_of(found, "start", STARTS)
    _one_of(found, "encoding", ENCODINGS)
    _one_of(found, "shape", SHAPES)
    _check_access(found)
    _check_schema(found)
    _check_columns(found)


def _check_plain(found: KafkaTopic) -> None:
    for known in fields(found):
        value = getattr(found, known.name)
        if known.type is bool and type(value) is not bool:
            raise _wrong(f"{known.name} must be true or false")
        if known.type is int and (type(value) is not int or not 0 <= value <= MAX_RATE):
            raise _wrong(f"{known.name} must be a whole number, 0 to {MAX_RATE}")
        if known.type is str:
            longest = _LONGEST.get(known.name, MAX_ID)
            longest = _SEALED * longest + MAX_NAME if known.name in SECRETS else longest
            lines = known.name in _LONGEST  # PEM has some
            if type(value) is not str or not (lines or value.isprintable()) or len(value) > longest:
                raise _wrong(f"{known.name} must be a text of at most {longest} characters")


def _check_access(found: KafkaTopic) -> None:
    if bool(found.sasl) != bool(found.username) or bool(found.sasl) != bool(found.password):
        raise _wrong("sasl, username and password belong together: give all three, or none")
    if bool(found.certificate) != bool(found.key):
        raise _wrong("certificate and key belong together: give both, or neither")
    if (found.ca or found.certificate) and not found.tls:
        raise _wrong("ca and certificate are for tls: true")
    if not found.servers and (found.tls or found.sasl):
        raise _wrong("tls and sasl need servers: headrace's own cluster is reached as it is")
    for name in ("ca", "certificate"):
        if (text := getattr(found, name)) and not _PEM.fullmatch(text):
            raise _wrong(f"{name} must be PEM: -----BEGIN CERTIFICATE----- ...")


def _check_schema(found: KafkaTopic) -> None:
    if found.registry:
        try:
            parts = urlsplit(found.registry)
            right = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
        except ValueError:
            right = False
        if not right:
            raise _wrong("registry must be http(s)://host[:port]; its user is registry_username")
    if bool(found.registry_username) != bool(found.registry_password):
        raise _wrong("registry_username and registry_password belong together")
    if found.schema is None:
        if found.encoding == "avro" or (found.encoding == "confluent" and not found.registry):
            raise _wrong(f"encoding {found.encoding} needs the schema that values are written with")
        return
    try:
        if len(codec.dumps(found.schema)) > MAX_SCHEMA_BYTES:
            raise _wrong(f"schema has more than {MAX_SCHEMA_BYTES} bytes")
        reader_of(found.schema)
    except Malformed as error:
        raise _wrong(f"schema: {error.message}") from error


def _check_columns(found: KafkaTopic) -> None:
    for name in _MAPPINGS:
        value = getattr(found, name)
        if not isinstance(value, Mapping) or not _all_texts([*value, *value.values()]):
            raise _wrong(f"{name} must be an object of at most {MAX_COLUMNS} texts")
    if not isinstance(found.skip, tuple) or not _all_texts(found.skip):
        raise _wrong(f"skip must be a list of at most {MAX_COLUMNS} texts")
    if found.shape != "rows" and found.columns:
        raise _wrong(f"columns are for shape rows: {found.shape} says what is what")


def _all_texts(values: Iterable[Any]) -> bool:
    every = list(values)
    plain = (type(value) is str and len(value) <= MAX_NAME for value in every)
    return len(every) <= 2 * MAX_COLUMNS and all(plain)


def _one_of(found: KafkaTopic, name: str, words: tuple[str, ...]) -> None:
    if getattr(found, name) not in words:
        listed = ", ".join(filter(None, words))
        raise _wrong(f"{name} must be one of {listed}")


def _wrong(message: str) -> Malformed:
    return Malformed(CODE, message, where=("kafka",))
