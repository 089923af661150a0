"""``headrace profiles``: people found by any of their ids, and erased."""

from pathlib import Path
from typing import Final

import click

from deploy.cli_desk import do, print_json
from deploy.cli_options import data_option, speaks_plainly
from schemas.people import EraseProfile, FindProfiles, ListErasures

_EXAMPLE: Final = """
\b
Example:
  headrace profiles show anna@example.org
  headrace profiles delete user-77 --source shop
  headrace profiles erasures
"""


@click.group(epilog=_EXAMPLE)
def profiles() -> None:
    """Look at people and erase them.

    The same is done over HTTP by /api/sources/{id}/profiles/{id} and /api/erasures.
    """


@profiles.command()
@click.argument("named", metavar="ID")
@click.option("--source", default="", metavar="ID", help="Only profiles that this source knows.")
@data_option
@speaks_plainly
def show(named: str, source: str, data: Path | None) -> None:
    """Print the profiles that have an id: traits, ids, and all profiles that are one with it.

    ID is a profile's id, that of a user or a visitor, an e-mail address or a phone number.
    """
    from schemas.wire.manage.replies import worded

    found = do(FindProfiles(named, source), data)
    print_json({"profiles": [worded(each) for each in found]})


@profiles.command()
@click.argument("named", metavar="ID")
@click.option(
    "--source", required=True, metavar="ID", help="The source that knows the person by this id."
)
@data_option
@speaks_plainly
def delete(named: str, source: str, data: Path | None) -> None:
    """Erase a person: everything received up to now, wherever it is or still comes from.

    ID is a profile's id, or that of its user or visitor in the source; `headrace profiles show`
    finds it by an address. All profiles that are one with it are erased, of every source: their
    events, sessions, traits, ids and dead letters, and what brings them back later, such as
    events in flight or a replay. When this returns no query finds their rows; dead letters and
    merges follow within seconds. The files are rewritten after HEADRACE_ERASURE_SECONDS, and
    what is left is counted: `headrace profiles erasures` then says `verified`. Raw topics keep
    what was sent until their retention of 7 days is over, the topic of dead letters 30 days.
    What is received from the same person later is accepted as anybody's.
    """
    from schemas.wire.manage.replies import worded

    print_json(worded(do(EraseProfile(source, named), data)))


@profiles.command()
@data_option
@speaks_plainly
def erasures(data: Path | None) -> None:
    """List erasures, the youngest first, and how far they are.

    asked: noted, dead letters and merges are being looked through. hidden: no query finds
    anything. verified: the files were rewritten and nothing was counted in them any more.
    """
    from schemas.wire.manage.replies import worded

    print_json({"erasures": [worded(each) for each in do(ListErasures(), data)]})
