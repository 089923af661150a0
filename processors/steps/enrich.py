"""Columns derived from what an event says; what its client says itself is never overwritten."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from processors.steps.anonymise import anonymise, without
from processors.steps.enrich_agent import agent
from processors.steps.enrich_page import page
from schemas.envelope import RawEvent
from schemas.events import DETAILS, Event
from schemas.sources import IpPolicy

Locate = Callable[[str], Mapping[str, Any]]
"""Where an address is: columns ``country``, ``region``, ``city``, ``latitude``, ``longitude``,
``timezone``, as far as they are known."""

_NOWHERE: Final[Mapping[str, Any]] = {}
_GROUPS: Final = {
    "browser": ("browser_version",),
    "os": ("os_version",),
    "country": ("region", "city", "latitude", "longitude"),
}
"""Column -> those that say more about it, and nothing about another value of it."""
_LEADS: Final = {name: lead for lead, rest in _GROUPS.items() for name in (lead, *rest)}


def nowhere(ip: str) -> Mapping[str, Any]:  # noqa: ARG001 - a Locate without a database
    """Know no place."""
    return _NOWHERE


def enrich(details: Mapping[str, str], locate: Locate) -> dict[str, Any]:
    """Make the columns of an event out of its details.

    User agent, address and page are looked at where a vendor's module gives them, which it does
    only where its protocol lets it.
    """
    columns: dict[str, Any] = {
        name: text for name, text in details.items() if text and name in DETAILS
    }
    get = columns.get
    told = get("user_agent")
    if told:
        _add(columns, agent(told))
    url, referrer, host = get("page_url", ""), get("referrer", ""), get("referrer_host", "")
    if url or referrer or host:
        columns |= page(url, referrer, host)
    if locate is not nowhere:
        told = get("ip")
        if told:
            _add(columns, locate(told))
    return columns


def enriched(
    raw: RawEvent, event: Event, locate: Locate, policy: IpPolicy
) -> tuple[Event, dict[str, Any]]:
    """Derive columns, and the properties that repeat them.

    Of the visitor's address, what the source's policy allows is kept wherever the event has it;
    the raw topic and dead letters hold what was sent.
    """
    columns = enrich(event.details, locate)
    if policy != "keep":
        event, columns = _hide(raw, event, columns, policy)
    if event.repeats:
        repeated = {
            name: columns[column] for name, column in event.repeats.items() if column in columns
        }
        event = replace(event, properties=repeated | dict(event.properties))
    return event, columns


def _hide(
    raw: RawEvent, event: Event, columns: dict[str, Any], policy: IpPolicy
) -> tuple[Event, dict[str, Any]]:
    hidden = {ip: anonymise(ip, policy) for ip in (raw.ip, columns.get("ip", "")) if ip}
    kept = {name: value for name, value in columns.items() if name != "ip"}
    ip = hidden.get(columns.get("ip", ""), "")
    if ip:
        kept["ip"] = ip
    event = replace(
        event,
        properties=without(event.properties, hidden),
        context=without(event.context, hidden),
    )
    return event, kept


def _add(columns: dict[str, Any], derived: Mapping[str, Any]) -> None:
    """Fill what is empty; a version of another browser than the client's says nothing of it."""
    if columns.keys().isdisjoint(derived):
        columns.update(derived)
        return
    given = columns.copy()
    for name, value in derived.items():
        lead = _LEADS.get(name)
        if name not in given and (lead is None or _agree(given, derived, lead)):
            columns[name] = value


def _agree(given: Mapping[str, Any], derived: Mapping[str, Any], lead: str) -> bool:
    """Tell whether what is derived is about the same thing as what the client says of it."""
    said = given.get(lead)
    if said is None:
        return given.keys().isdisjoint(_GROUPS[lead])
    return str(said).casefold() == str(derived.get(lead)).casefold()
