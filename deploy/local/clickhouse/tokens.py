"""ClickHouse SQL cut into tokens, as far as one needs to know where strings and comments end.

The rules are those of ClickHouse's lexer: nested block comments, three kinds of line comment,
backslash and doubled quotes, quoted identifiers, typographic quotes, here-documents.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

WORD: Final = "word"
QUOTED: Final = "quoted"
TEXT: Final = "text"
SIGN: Final = "sign"
BROKEN: Final = "broken"

# Only ASCII words can be keywords, so the upper-cased form is enough to compare with.
_TOKEN = re.compile(
    rb"""
      (?P<space>   (?: [ \t\n\r\f\v] | \xc2\xa0 | \xe2\x80[\x80-\x8b\xaf] | \xe3\x80\x80
                     | \xef\xbb\xbf )+ )
    | (?P<comment> (?: -- | // | \#[ !] ) [^\n]* )
    | (?P<block>   /\* )
    | (?P<text>    ' (?: [^'\\] | \\. | '' )* '
                 | \xe2\x80\x98 .*? \xe2\x80\x99
                 | \$ (?P<tag> \w* ) \$ .*? \$ (?P=tag) \$ )
    | (?P<quoted>  ` (?: [^`\\] | \\. | `` )* `
                 | " (?: [^"\\] | \\. | "" )* "
                 | \xe2\x80\x9c .*? \xe2\x80\x9d )
    | (?P<broken>  ['"`] | \xe2\x80[\x98\x9c] )
    | (?P<number>  \. [0-9] [0-9_]* (?: [eE] [+-]? [0-9_]* )? )
    | (?P<word>    [A-Za-z0-9_$]+ )
    | (?P<sign>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(rb"/\*|\*/")


class Token(NamedTuple):
    """One token: its kind, its upper-cased text if it is a word or a sign, and where it lies."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether this is one of the bare words ``words``, given in capitals."""
        return self.kind == WORD and self.text in words

    def is_sign(self, sign: str) -> bool:
        """Whether this is the single character ``sign``."""
        return self.kind == SIGN and self.text == sign


def tokens(sql: bytes, start: int = 0) -> Iterator[Token]:
    """Yield the tokens of ``sql`` from ``start``, without spaces and comments.

    A string, identifier or comment that does not end yields one BROKEN token and is the last.
    """
    position = start
    while (match := _TOKEN.match(sql, position)) is not None:
        kind = match.lastgroup or SIGN
        kind = TEXT if kind == "tag" else kind
        if kind == "block":
            position = _block_end(sql, match.end())
            if position < 0:
                yield Token(BROKEN, "", match.start(), len(sql))
                return
            continue
        position = match.end()
        if kind == BROKEN:
            yield Token(BROKEN, "", match.start(), len(sql))
            return
        if kind in {"space", "comment"}:
            continue
        yield Token(kind, _text(kind, match.group()), match.start(), position)


def _text(kind: str, raw: bytes) -> str:
    return raw.decode("latin-1").upper() if kind in {WORD, SIGN, QUOTED} else ""


def _block_end(sql: bytes, position: int) -> int:
    depth = 1
    while (edge := _BLOCK_EDGE.search(sql, position)) is not None:
        position = edge.end()
        depth += 1 if edge.group() == b"/*" else -1
        if depth == 0:
            return position
    return -1
