"""An event's properties against the JSON Schemas of its type; this room's door to jsonschema-rs.

jsonschema-rs rather than jsonschema: a schema becomes machine code's data once, a check of an
order costs 0.4 µs instead of 79 µs, its patterns run in time linear to the text, nothing is
fetched, and its messages can leave the event's values out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError, meta

from schemas.catalog import Collection
from schemas.errors import Malformed
from schemas.events import Event
from schemas.validations import pointer, refused, weighed

MOST_ERRORS: Final = 20
"""Errors of one event."""
LONGEST_ERROR: Final = 1_000
"""Characters of one."""
MOST_WORK: Final = 200_000_000
"""Weight of a schema times bytes of an event: some seconds at the worst, never seen in practice."""
MOST_LISTED: Final = 50_000
"""Weight of a schema times values of an event, up to which all errors are found: each costs
microseconds where the verdict alone costs nanoseconds."""

_VALUE: Final = "value"
"""Stands in the messages where the event's value would."""
_PATTERNS: Final = RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 20)
_PATTERN_RULES: Final = (
    "patterns are matched in linear time: no look-around, no back-reference, and counted "
    "repetitions of at most some hundred characters"
)


@dataclass(frozen=True, slots=True)
class Check:
    """A schema, ready for many events.

    Attributes:
        weight: see :class:`schemas.validations.Weight`.
        validator: None where the schema cannot be used; ``fault`` says why.
    """

    name: str
    weight: int = 0
    recursive: bool = False
    validator: Draft202012Validator | None = None
    fault: str = ""


NO_CHECKS: Final[tuple[Check, ...]] = ()


def compiled(name: str, schema: Any) -> Check:
    """Make a schema ready.

    Raises:
        Malformed: ``schema-invalid`` with a JSON pointer, or what
            :func:`schemas.validations.weighed` raises.
    """
    weight = weighed(schema)
    try:
        meta.validate(schema)
        validator = Draft202012Validator(
            schema, mask=_VALUE, offline=True, validate_formats=True, pattern_options=_PATTERNS
        )
    except ValueError as error:  # a ValidationError is one, and says where
        path = tuple(error.instance_path) if isinstance(error, ValidationError) else ()
        words = error.message if isinstance(error, ValidationError) else str(error)
        raise refused(
            path, _PATTERN_RULES if _is_pattern(path) else words[:LONGEST_ERROR]
        ) from error
    return Check(name, weight.of, weight.recursive, validator)


def _is_pattern(path: tuple[str | int, ...]) -> bool:
    return path[-1:] == ("pattern",) or "patternProperties" in path[-2:]


class Checks:
    """The checks of the collections as they are known now; each schema is compiled once."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str], tuple[Collection, tuple[Check, ...]]] = {}

    def find(self, collection: Collection | None) -> tuple[Check, ...]:
        """Give the checks of a collection, by name; most have none."""
        if collection is None or not collection.validations:
            return NO_CHECKS
        key = collection.source_id, collection.name
        held = self._of.get(key)
        if held is not None:
            if held[0] is collection:
                return held[1]
            if held[0].validations == collection.validations:
                self._of[key] = collection, held[1]
                return held[1]
        checks = tuple(
            _usable(name, collection.validations[name]) for name in sorted(collection.validations)
        )
        self._of[key] = collection, checks
        return checks


def _usable(name: str, schema: Any) -> Check:
    """Compile; a schema that another version accepted must not cost the event its row."""
    try:
        return compiled(name, schema)
    except Malformed as error:
        return Check(name, fault=f"the schema cannot be used: {error.message}")


def validated(event: Event, checks: tuple[Check, ...], size: int) -> Event:
    """Hold an event's properties against schemas; what does not fit is flagged, never changed.

    An event that does not fit changes no traits (Tracardi's rule: no mapping to the profile);
    its ids count all the same.

    Args:
        size: bytes of the event as it was sent.
    """
    errors: list[str] = []
    for check in checks:
        errors += _failures(check, event.properties, size)
    if not errors:
        return event
    texts = (*event.errors, *(error[:LONGEST_ERROR] for error in errors))
    return replace(event, errors=texts[:MOST_ERRORS], changes=None)


def _failures(check: Check, properties: Mapping[str, Any], size: int) -> list[str]:
    if check.validator is None:
        return [f"{check.name}: {check.fault}"]
    if check.weight * size > MOST_WORK:
        return [f"{check.name}: the event is too large to be held against this schema"]
    try:
        if check.validator.is_valid(properties):
            return []
        if check.recursive or check.weight * _values(properties, MOST_LISTED) > MOST_LISTED:
            return [f"{check.name}: the properties do not fit this schema"]
        # sorted, for the library gives them in no order that lasts, and a replay must agree
        said = sorted(map(_said, check.validator.iter_errors(properties)))
        return [f"{check.name}: {text}" for text in said[:MOST_ERRORS]]
    except (ValueError, TypeError, OverflowError) as error:
        return [f"{check.name}: the properties cannot be held against this schema: {error}"]


def _said(error: ValidationError) -> str:
    place = pointer(error.instance_path)
    return f"{place}: {error.message}" if place else error.message


def _values(value: Any, most: int) -> int:
    """Count the values of a JSON value, at least up to ``most``."""
    count, left = 0, [value]
    while left and count <= most:
        part = left.pop()
        count += 1
        if type(part) is dict:
            left.extend(part.values())
        elif type(part) is list:
            left.extend(part)
    return count
