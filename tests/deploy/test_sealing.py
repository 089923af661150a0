"""Secrets that are kept: readable with the installation's own, for what they belong to, only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sealing import seal, unseal
from schemas.errors import Malformed
from schemas.ids import Ids

OURS = Ids(b"ours")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_what_is_sealed_comes_back_and_never_looks_the_same(text: str) -> None:
    sealed = seal(OURS, text, "orders", "password")
    assert unseal(OURS, sealed, "orders", "password") == text
    assert sealed != seal(OURS, text, "orders", "password")


def test_it_is_read_by_nobody_else_for_nothing_else_and_not_when_changed() -> None:
    sealed = seal(OURS, "hush", "orders", "password")
    assert "hush" not in sealed
    wrong = [
        (Ids(b"theirs"), sealed, "orders"),
        (OURS, sealed, "shop"),
        (OURS, sealed[:-4] + "AAA=", "orders"),
        (OURS, sealed[:8], "orders"),
        (OURS, "s1.ü", "orders"),
        (OURS, "hush", "orders"),
        (OURS, "", "orders"),
    ]
    for ids, text, source in wrong:
        with pytest.raises(Malformed, match="HEADRACE_SECRET"):
            unseal(ids, text, source, "password")
