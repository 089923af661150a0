"""Case files: what is in them, read and checked. This module knows no room of headrace."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent
FEEDS: Final = ("plain", "gzip", "sniffed", "beacon", "batch")
WITH_A_BODY: Final = ("plain", "gzip", "sniffed", "beacon")
PLAIN: Final = ("plain",)
BATCHING: Final = frozenset({"tracardi", "rakam", "filum", "own"})
"""Vendors whose clients send several events in one request."""
DEFAULT_SOURCE: Final = "rest"

_BODIES: Final = frozenset({"json", "text", "base64", "form"})
_REQUEST: Final = frozenset({"method", "path", "query", "headers", "pad", *_BODIES})
_REPLY: Final = frozenset({"status", "json", "text", "headers"})
_STEP: Final = frozenset({"request", "event", "reply", "keep"})
_CASE: Final = frozenset({"name", "fact", "source", "feed", "steps", "rows", "dead", "only"})
_KEY: Final = frozenset({"type", "as", "customer", "expires_at"})
_ONLY: Final = ("here", "running")

Json = dict[str, Any]


class BadFile(Exception):
    """A case file says what no runner understands; the text names the file and the case."""


@dataclass(frozen=True)
class Step:
    """One request and what it is answered.

    Attributes:
        request: as the file has it; empty where ``event`` stands.
        event: in a tuple of one, so that any JSON value may be one; ways.py makes the request.
        keep: placeholder -> dotted path in the answer, for the steps after this one.
    """

    request: Json
    event: tuple[Any, ...]
    reply: Json
    keep: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One case of a vendor.

    Attributes:
        source: name of one of the vendor's :class:`SourceKind`.
        rows, dead: exactly these come of all its steps, each given as a subset.
        only: ``here`` or ``running`` where one runner cannot do it, else "".
    """

    vendor: str
    name: str
    fact: str
    source: str
    feeds: tuple[str, ...]
    steps: tuple[Step, ...]
    rows: tuple[Json, ...]
    dead: tuple[Json, ...]
    only: str = ""

    def __str__(self) -> str:
        return f"{self.vendor}: {self.name}"


@dataclass(frozen=True)
class SourceKind:
    """A source that cases use; its id is ``<vendor>-<name>``.

    Attributes:
        fields: of a source, as ``/api/sources`` takes them, without ``id`` and ``keys``.
        keys: keys beside the usual four, each with the placeholder that stands for it.
        collections: schema that it has from the beginning: collection -> property -> type.
    """

    vendor: str
    name: str
    fields: Json = field(default_factory=dict)
    keys: tuple[Json, ...] = ()
    collections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id that the source has wherever it is created."""
        return f"{self.vendor}-{self.name}"


@dataclass(frozen=True)
class CaseFile:
    """What one file holds."""

    sources: tuple[SourceKind, ...]
    cases: tuple[Case, ...]


def files() -> list[Path]:
    """All case files, sorted."""
    return sorted(FOLDER.glob("*/*.yaml"))


@cache
def read(file: Path) -> CaseFile:
    """Read a file.

    Raises:
        BadFile: it is no YAML, or has something in it that is not part of the format.
    """
    try:
        content = yaml.load(file.read_text(), Loader=_Strict)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise BadFile(f"{file}: {error}") from error
    whole = _mapping(content, str(file), {"sources", "cases"})
    vendor = file.parent.name
    sources = [
        _source(vendor, name, fields, f"{file}, source {name!r}")
        for name, fields in _mapping(whole.get("sources") or {}, f"{file}: sources").items()
    ]
    named = _list(whole.get("cases") or [], f"{file}: cases")
    return CaseFile(tuple(sources), tuple(_case(vendor, each, str(file)) for each in named))


def readable() -> Iterator[CaseFile]:
    """All files that can be read; test_files.py names the others."""
    for file in files():
        try:
            yield read(file)
        except BadFile:
            continue


def all_cases() -> list[Case]:
    """The cases of all readable files."""
    return [case for file in readable() for case in file.cases]


def all_sources() -> dict[str, SourceKind]:
    """The sources of all readable files by id, and each vendor's default one."""
    found = [SourceKind(folder.parent.name, DEFAULT_SOURCE) for folder in files()]
    found += [source for file in readable() for source in file.sources]
    return {source.id: source for source in found}


def _source(vendor: str, name: str, value: Any, where: str) -> SourceKind:
    fields = dict(_mapping(value or {}, where))
    keys = _list(fields.pop("keys", []), where)
    for key in keys:
        _mapping(key, f"{where}, keys", _KEY)
    collections = fields.pop("collections", {})
    if "id" in fields:
        raise BadFile(f"{where}: its id follows from its name")
    return SourceKind(vendor, name, fields, tuple(keys), collections)


def _case(vendor: str, value: Any, file: str) -> Case:
    name = value.get("name") if isinstance(value, dict) else None
    where = f"{file}, case {name!r}"
    given = _mapping(value, where, _CASE | _STEP)
    for needed in ("name", "fact"):
        if not isinstance(given.get(needed), str) or not given[needed].strip():
            raise BadFile(f"{where}: {needed} is missing")
    if "steps" in given and given.keys() & _STEP:
        raise BadFile(f"{where}: steps or one step, not both")
    steps = _list(given["steps"], where) if "steps" in given else [_only_step(given)]
    made = tuple(_step(step, where) for step in steps)
    only = given.get("only", "")
    if only not in ("", *_ONLY):
        raise BadFile(f"{where}: only is one of {_ONLY}")
    return Case(
        vendor,
        given["name"],
        given["fact"],
        given.get("source", DEFAULT_SOURCE),
        _feeds(vendor, given, made, where),
        made,
        tuple(_list(given.get("rows", []), where)),
        tuple(_list(given.get("dead", []), where)),
        only,
    )


def _only_step(given: Json) -> Json:
    return {name: given[name] for name in _STEP & given.keys()}


def _step(value: Any, where: str) -> Step:
    step = _mapping(value, where, _STEP)
    if ("request" in step) == ("event" in step):
        raise BadFile(f"{where}: a step has either a request or an event")
    request = _mapping(step.get("request", {}), where, _REQUEST)
    if "request" in step and not isinstance(request.get("path"), str):
        raise BadFile(f"{where}: a request has a path")
    if len(request.keys() & _BODIES) > 1:
        raise BadFile(f"{where}: a request has one body")
    event = (step["event"],) if "event" in step else ()
    reply = _mapping(step.get("reply", {}), where, _REPLY)
    return Step(request, event, reply, _mapping(step.get("keep", {}), where))


def _batched(vendor: str, steps: tuple[Step, ...]) -> bool:
    """Whether the vendor's clients might send the events of these steps among others."""
    good = all(step.event and step.reply.get("status", 200) == 200 for step in steps)
    return good and vendor in BATCHING


def _feeds(vendor: str, given: Json, steps: tuple[Step, ...], where: str) -> tuple[str, ...]:
    carried = all(step.event or step.request.keys() & _BODIES for step in steps)
    usual = [*(WITH_A_BODY if carried else PLAIN), *(["batch"] if _batched(vendor, steps) else [])]
    feeds = _list(given.get("feed", usual), where)
    if not feeds or not set(feeds) <= set(FEEDS):
        raise BadFile(f"{where}: feed is some of {FEEDS}")
    if "batch" in feeds and not all(step.event for step in steps):
        raise BadFile(f"{where}: only an event can be fed as a batch")
    return tuple(feeds)


def _mapping(value: Any, where: str, known: frozenset[str] | set[str] | None = None) -> Json:
    if not isinstance(value, dict):
        raise BadFile(f"{where}: expected a mapping, found {value!r:.80}")
    unknown = value.keys() - known if known is not None else set()
    if unknown:
        raise BadFile(f"{where}: unknown {sorted(unknown)}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadFile(f"{where}: expected a list, found {value!r:.80}")
    return value


class _Strict(yaml.CSafeLoader):  # type: ignore[misc]
    """JSON's types only: no dates, no yes and no, no key twice."""


def _unique(loader: _Strict, node: yaml.MappingNode) -> Json:
    value: Json = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None, None, f"put the key {key!r} in quotes", key_node.start_mark
            )
        if key in value:
            raise yaml.constructor.ConstructorError(
                None, None, f"{key!r} is there twice", key_node.start_mark
            )
        value[key] = loader.construct_object(value_node, deep=True)
    return value


_Strict.add_constructor("tag:yaml.org,2002:map", _unique)
_Strict.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
