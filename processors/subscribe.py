"""Which raw topics are fit to be consumed, and what to tell people about the others."""

from collections.abc import Iterable, Mapping

from schemas.errors import HeadraceError
from schemas.topics import Topic


class TopicsUnfit(HeadraceError):
    """Topics are missing or cut into the wrong number of partitions."""


def unfit(declared: Iterable[Topic], found: Mapping[str, int]) -> dict[str, str]:
    """Compare topics with what the broker has; returns name -> what is wrong with it.

    State lives beside the records it belongs to only while all these topics have the same
    number of partitions; Faust stops its agents, over and over, when they do not.
    """
    faults = {}
    for topic in declared:
        count = found.get(topic.name, 0)
        if count == 0:
            faults[topic.name] = f"topic {topic.name} is missing: run `headrace init`"
        elif count != topic.partitions:
            faults[topic.name] = (
                f"topic {topic.name} has {count} partitions, not {topic.partitions}: set "
                f"HEADRACE_PARTITIONS={count} for every tier if all topics have that many, "
                "else create it anew"
            )
    return faults
