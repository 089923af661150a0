"""Where strings and comments end, as ClickHouse's lexer sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.clickhouse.tokens import BROKEN, tokens


def _texts(sql: str) -> list[str]:
    raw = sql.encode()
    return [raw[token.start : token.end].decode() for token in tokens(raw)]


CUTS = {
    "SELECT 1": ["SELECT", "1"],
    "a.b,c": ["a", ".", "b", ",", "c"],
    "'it''s' 'a\\'b' ''": ["'it''s'", "'a\\'b'", "''"],
    '`a``b` "c\\"d"': ["`a``b`", '"c\\"d"'],
    "1 -- x\n2 // y\n3 # z\n4 #! q": ["1", "2", "3", "4"],
    "#x": ["#", "x"],
    "1 /* a /* b */ c */ 2": ["1", "2"],
    "$$a 'b$$ $x$ $$ $x$ c$d": ["$$a 'b$$", "$x$ $$ $x$", "c$d"],
    "\u2018it's\u2019 \u201ca b\u201d": ["\u2018it's\u2019", "\u201ca b\u201d"],
    "\u00a0SELECT\u30001\ufeff": ["SELECT", "1"],
    "1-2->3": ["1", "-", "2", "-", ">", "3"],
    ".5into": [".5", "into"],
    "x'41'into": ["x", "'41'", "into"],
}


@pytest.mark.parametrize("sql", CUTS)
def test_cuts(sql: str) -> None:
    assert _texts(sql) == CUTS[sql]


@pytest.mark.parametrize("sql", ["'a", "'a\\'", '"a', "`a", "/* /* */", "\u2018a", "\u201ca"])
def test_what_does_not_end_is_broken(sql: str) -> None:
    found = list(tokens(b"SELECT " + sql.encode()))
    assert [token.kind for token in found[1:]] == [BROKEN]
    assert found[-1].end == len(b"SELECT " + sql.encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_cut_in_order_and_nothing_is_lost(sql: bytes) -> None:
    end = 0
    for token in tokens(sql):
        assert end <= token.start < token.end <= len(sql)
        end = token.end


QUOTED = st.text(max_size=20).map(
    lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
)


@given(st.lists(QUOTED, max_size=5))
def test_nothing_in_a_string_is_a_token_of_its_own(strings: list[str]) -> None:
    assert _texts("SELECT " + " , ".join(strings))[1::2] == strings
