"""All steps in this process, without a broker."""

from collections.abc import Callable, MutableMapping

from processors.ahead import Look
from processors.bury import Record
from processors.steps.enrich import nowhere
from processors.visits import Visits
from processors.work import Outcome, Work
from tests.processors.world import IDS, NOW, Feed, decide, vendors


def steps(
    feed: Feed, store: MutableMapping[bytes, bytes], clock: Callable[[], int] = lambda: NOW
) -> Callable[[Record], Outcome]:
    """All steps over a store; what is new is decided at once."""
    look = Look(feed, vendors, nowhere)
    work = Work(look, feed, IDS.issue, IDS.is_own, Visits(lambda _: store), clock)

    def do(record: Record) -> Outcome:
        ahead = look(record)
        decide(feed.catalog, ahead.wishes.values())
        return work(ahead)

    return do
