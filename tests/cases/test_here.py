"""Every case, fed every way, from the request's bytes to canonical rows, in this process."""

import pytest

from tests.cases.case import Case, all_cases, all_sources
from tests.cases.here import Here
from tests.cases.rooms import is_call
from tests.cases.ways import Feed, feeds

HERE = Here(all_sources())
FED = [
    (case, feed)
    for case in all_cases()
    if case.only != "running" and not is_call(case)
    for feed in feeds(case)
]


@pytest.mark.parametrize(("case", "feed"), FED, ids=[f"{case} [{feed}]" for case, feed in FED])
async def test_case(case: Case, feed: Feed) -> None:
    wrong = await HERE.run(case, feed)
    assert not wrong, "\n".join(["", f"{case} [{feed}], which covers {case.fact!r}:", *wrong])
