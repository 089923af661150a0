"""How many files a tier may have open."""

import resource
from collections.abc import Iterator

import pytest

from deploy.tier import raise_file_limit

WANTED = 65_536


@pytest.fixture
def hard() -> Iterator[int]:
    """The hard limit, with a soft one as low as shells have it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised_as_far_as_it_may(hard: int) -> None:
    raise_file_limit()
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert soft == (WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED))
