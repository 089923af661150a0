"""What is to be done to a user's properties, in one form whoever says it.

Every event that changes a user has the changes in its ``context``:

=============  ==============================================================================
``$set``       object: these values, whatever was there
``$set_once``  object: these values where there is none
``$increment`` object: numbers to add, nothing there counting as 0
``$append``    object: values to add at the end of a list
``$prepend``   object: values to add at the front of a list
``$unset``     list of names: nothing there any more
``$clear``     true: nothing at all there any more, before all others
=============  ==============================================================================

Names are columns' names. A member that has nothing to do is left out. In ``properties`` are the
values alone, so that a query finds an address whichever way it was sent.
"""

from typing import Any, Final

from schemas.errors import Malformed
from schemas.reading import JsonObject, as_object
from schemas.wire.rakam.names import column, columns

_MAPS: Final = {
    "$set": "$set",
    "$set_once": "$set_once",
    "$add": "$increment",
    "$append": "$append",
    "$prepend": "$prepend",
}
"""What the mobile trackers send, as columns are named -> what it is called here."""
_BODY: Final = ("body",)


def traits(properties: Any, name: str = "properties") -> JsonObject:
    """Values under their columns' names; ``id`` is the user's own column, so it is renamed.

    Raises:
        Malformed: ``name-invalid`` or ``dict-type``.
    """
    found = columns(as_object(properties, (*_BODY, name)))
    if "id" in found:
        found["_id"] = found.pop("id")
    return found


def increments(amounts: Any, name: str = "increment_properties") -> JsonObject:
    """Amounts under their columns' names.

    Raises:
        Malformed: ``property-invalid`` for what is no number; as :func:`traits`.
    """
    found = traits(amounts, name)
    for key, amount in found.items():
        if type(amount) is not int and type(amount) is not float:
            raise _refused(key, f"{key} is incremented by a number only")
    return found


def removals(names: Any, name: str = "properties") -> list[str]:
    """Columns' names out of a list of names, or of an object that has them as its keys.

    Raises:
        Malformed: ``property-invalid`` or ``name-invalid``.
    """
    given = list(names) if type(names) is dict else names
    if type(given) is not list or not all(type(each) is str for each in given):
        raise _refused(name, f"{name} must be a list of names")
    found = [column(each) for each in given]
    return ["_id" if each == "id" else each for each in found]


def of_identify(found: JsonObject) -> JsonObject:
    """The changes in an event of collection ``$identify`` (Android) or ``$$user`` (iOS).

    Args:
        found: its properties under their columns' names.

    Raises:
        Malformed: property-invalid, name-invalid or dict-type.
    """
    changes: JsonObject = {}
    for sent, name in _MAPS.items():
        if found.get(sent) is not None:
            read = increments if name == "$increment" else traits
            changes[name] = read(found[sent], sent)
    if found.get("$unset") is not None:
        changes["$unset"] = removals(found["$unset"], "$unset")
    if found.get("$clear_all") is not None:
        changes["$clear"] = True
    return only(changes)


def only(changes: JsonObject) -> JsonObject:
    """Leave out what has nothing to do."""
    return {name: change for name, change in changes.items() if change}


def said(changes: JsonObject) -> JsonObject | None:
    """The same under the names of :class:`schemas.profiles.Change`; None for nothing."""
    return {name.removeprefix("$"): change for name, change in changes.items()} or None


def values(changes: JsonObject) -> JsonObject:
    """The values alone: amounts, then what is set once, then what is set."""
    found: JsonObject = {}
    for name in ("$increment", "$set_once", "$set"):
        found |= changes.get(name, {})
    return found


def _refused(name: str, message: str) -> Malformed:
    return Malformed("property-invalid", message, where=(*_BODY, name))
