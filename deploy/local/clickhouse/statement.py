"""What one statement is, read before the engine sees it.

The engine decides almost everything itself. Read here is what an HTTP server decides before its
engine does: one statement per request, where an INSERT's data begins, which output format is
asked for, and the forms that would reach this machine's files or this process.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from deploy.local.clickhouse import errors
from deploy.local.clickhouse.errors import ClickHouseError
from deploy.local.clickhouse.tokens import BROKEN, QUOTED, WORD, Token, tokens

_SELECTING = frozenset({"SELECT", "WITH", "FROM", "("})
_ASKING = _SELECTING | {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"}
_ANSWERING = _ASKING | {"CHECK", "KILL"}
_READING = _ASKING | {"USE", "SET"}
# Creating, filling and dropping are let through for temporary tables; the engine refuses the rest.
_READER_MAY = _READING | {"CREATE", "INSERT", "DROP"}

_AFTER_FORMAT = re.compile(rb"[ \t\f]*(?:;[ \t\f]*)?\r?\n?")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its first keyword, the text for the engine, and what to do with the rest.

    ``insert_format`` is set when data follows at ``data_at``; ``text`` then ends before FORMAT or
    VALUES. ``output_format`` is the statement's own FORMAT, None when it has none; ``clauses_at``
    is where clauses about the output go, or about where an INSERT's data is.
    """

    kind: str
    text: bytes
    insert_format: str | None = None
    data_at: int = 0
    output_format: str | None = None
    clauses_at: int = 0

    @property
    def selects(self) -> bool:
        """Whether the statement is a SELECT in one of its forms: its answer may be of any size."""
        return self.kind in _SELECTING

    def marked(self, mark: str) -> bytes:
        """The statement with a comment by which it can be found among those that run."""
        return self._with_clause(f" /* {mark} */ ")

    def into_file(self, path_literal: str, default_format: str) -> bytes:
        """The statement, told to write its answer to a file; only for those that select."""
        clause = f"\nINTO OUTFILE {path_literal} "
        if self.output_format is None:
            clause += f"FORMAT {default_format} "
        return self._with_clause(clause)

    def from_file(self, path_literal: str) -> bytes:
        """The statement, told to read its data from a file; only for those with a format."""
        clause = f"\nFROM INFILE {path_literal} "
        return self._with_clause(clause) + f" FORMAT {self.insert_format}".encode()

    def _with_clause(self, clause: str) -> bytes:
        return self.text[: self.clauses_at] + clause.encode() + self.text[self.clauses_at :]

    @property
    def answers(self) -> bool:
        """Whether a result in some format is the answer, if only an empty one."""
        return self.kind in _ANSWERING

    @property
    def reads_only(self) -> bool:
        """Whether the statement may come by GET, which promises to change nothing."""
        return self.kind in _READING

    @property
    def for_reader(self) -> bool:
        """Whether the read-only user's statement is passed to the engine at all."""
        return self.kind in _READER_MAY


def parse(sql: bytes, *, complete: bool) -> Statement | None:
    """Read the statement that ``sql`` holds or begins with.

    Returns None when more bytes are needed, which happens only when ``complete`` is False: an
    INSERT is known once its head has been seen, everything else needs the whole text.

    Raises ``ClickHouseError``: 62 for an empty or second statement or an unfinished string,
    358 and 497 for forms that would reach files or this process, 48 for ``input()``.
    """
    found = tokens(sql)
    first = next(found, None)
    if first is None:
        if complete:
            raise ClickHouseError(errors.SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
        return None
    if first.is_word("INSERT"):
        head = _insert(sql, found)
        if head is not None and (complete or head.data_at < len(sql)):
            return head
    if not complete:
        return None
    return _whole(sql, first)


def _insert(sql: bytes, found: Iterable[Token]) -> Statement | None:
    """The INSERT whose head ends in FORMAT or VALUES; None for INSERT ... SELECT and half heads."""
    depth, clause, settings, previous = 0, None, None, None
    for token in found:
        named = previous is not None and (
            previous.is_word("INTO", "TABLE") or previous.is_sign(".")
        )
        if clause is not None:
            name = sql[token.start : token.end].decode("latin-1")
            after = _AFTER_FORMAT.match(sql, token.end)
            data_at = after.end() if after else token.end
            return _with_data(sql, clause, name, data_at, settings or clause)
        if depth == 0 and not named:
            if token.is_word("SELECT", "WITH", "FROM", "WATCH"):
                return None
            if token.is_word("VALUES"):
                return _with_data(sql, token, "Values", token.end, settings or token)
            if token.is_word("FORMAT"):
                clause = token
            elif token.is_word("SETTINGS") and settings is None:
                settings = token
        depth += token.is_sign("(") - token.is_sign(")")
        previous = token
    return None


def _with_data(
    sql: bytes, clause: Token, name: str, data_at: int, clauses_before: Token
) -> Statement:
    text = sql[: clause.start]
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise ClickHouseError(
            errors.SYNTAX_ERROR, "SYNTAX_ERROR", "An INSERT must be UTF-8 up to its data"
        ) from error
    _refuse(list(tokens(text)))
    return Statement(
        "INSERT", text, insert_format=name, data_at=data_at, clauses_at=clauses_before.start
    )


def _whole(sql: bytes, first: Token) -> Statement:
    found = list(tokens(sql))
    if found[-1].kind == BROKEN:
        raise ClickHouseError(
            errors.SYNTAX_ERROR, "SYNTAX_ERROR", "A string, identifier or comment does not end"
        )
    end = next((n for n, token in enumerate(found) if token.is_sign(";")), len(found))
    if any(not token.is_sign(";") for token in found[end:]):
        raise ClickHouseError(
            errors.SYNTAX_ERROR,
            "SYNTAX_ERROR",
            f"Syntax error (Multi-statements are not allowed): failed at position "
            f"{found[end].end}: send one statement per request",
        )
    _refuse(found)
    writes = any(a.is_word("INSERT") and b.is_word("INTO") for a, b in pairwise(found))
    kind = "INSERT" if first.is_word("WITH") and writes else first.text
    own = _format_clause(found[:end])
    if own is None:
        return Statement(kind, sql, clauses_at=found[end - 1].end if end else 0)
    clause, name = own
    form = sql[name.start : name.end].decode("latin-1")
    return Statement(kind, sql, output_format=form, clauses_at=clause.start)


def _format_clause(found: list[Token]) -> tuple[Token, Token] | None:
    """The last FORMAT and its name; only SETTINGS may follow, as a column can be so called."""
    for at in range(len(found) - 2, 0, -1):
        if found[at].is_word("FORMAT") and found[at + 1].kind == WORD:
            last = at + 2 == len(found) or found[at + 2].is_word("SETTINGS")
            return (found[at], found[at + 1]) if last else None
    return None


def _refuse(found: list[Token]) -> None:
    """Refuse what the engine would let an HTTP client do to this machine or this process.

    INTO OUTFILE and FROM INFILE are a command-line client's clauses that the embedded engine
    carries out itself; a server refuses them. python() reads variables of the host process.
    """
    for previous, token in pairwise(found):
        if token.is_word("OUTFILE") and previous.is_word("INTO"):
            raise ClickHouseError(
                errors.INTO_OUTFILE_NOT_ALLOWED,
                "INTO_OUTFILE_NOT_ALLOWED",
                "INTO OUTFILE is not allowed over HTTP: redirect the response to a file",
            )
        if token.is_word("INFILE") and previous.is_word("FROM") and found[0].is_word("INSERT"):
            raise ClickHouseError(
                errors.ACCESS_DENIED,
                "ACCESS_DENIED",
                "FROM INFILE is not allowed over HTTP: send the file as the request's body",
            )
    for before, token, after in zip([None, *found], found, found[1:], strict=False):
        if not after.is_sign("(") or (before is not None and before.is_word("INTO")):
            continue
        if _names_python(token):
            raise ClickHouseError(
                errors.ACCESS_DENIED, "ACCESS_DENIED", "python() is not available over HTTP"
            )
        if found[0].is_word("INSERT") and token.is_word("INPUT"):
            raise ClickHouseError(
                errors.NOT_IMPLEMENTED,
                "NOT_IMPLEMENTED",
                "INSERT ... FROM input() is not supported here: insert into a Null table with a "
                "materialised view, or transform before sending",
            )


def _names_python(token: Token) -> bool:
    if token.kind == QUOTED:
        return "\\" in token.text or token.text.strip('`"') == "PYTHON"
    return token.is_word("PYTHON")
