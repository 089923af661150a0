from hypothesis import given
from hypothesis import strategies as st

from schemas.journal import Journal, Name

NAMES = st.tuples(st.sampled_from("st"), st.sampled_from("abc"))


def test_nothing_has_changed_yet() -> None:
    journal = Journal()
    assert (journal.revision, journal.since(0)) == (0, [])


@given(st.lists(NAMES), st.lists(NAMES))
def test_it_lists_what_changed_since(before: list[Name], after: list[Name]) -> None:
    journal = Journal()
    for name in before:
        journal.note(name)
    seen = journal.revision
    for name in after:
        journal.note(name)
    latest_first = list(dict.fromkeys(reversed(after)))
    assert journal.since(seen) == latest_first[::-1]
    assert set(journal.since(0)) == set(before + after)
    assert journal.since(journal.revision) == []
