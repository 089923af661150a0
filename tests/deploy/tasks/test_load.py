"""Imports that a script asks for: how the asking is read, and what is kept of them."""

import io
from collections.abc import Mapping
from typing import Any

import pytest

from deploy.imports.state import Done
from deploy.imports.work import Told
from deploy.tasks.kept import MAX_BAD, MAX_BYTES, MAX_IMPORTS, Kept, Letters
from deploy.tasks.order import order_of
from schemas import codec
from schemas.errors import Malformed, Unavailable
from schemas.rows import Row

ASKED: dict[str, Any] = {"from": "https://example.org/x.csv"}


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], "import-invalid", "options must be an object"),
        ({}, "import-invalid", "from is an address"),
        ({"from": []}, "import-invalid", "from is an address"),
        ({"from": [7]}, "import-invalid", "from holds texts"),
        ({"from": ["x"] * 101}, "import-invalid", "at most 100"),
        ({**ASKED, "columns": {}}, "import-invalid", "columns is no option"),
        ({**ASKED, "format": "excel"}, "import-invalid", "format is one of rows"),
        ({**ASKED, "as": "zip"}, "import-invalid", "as is one of csv"),
        ({**ASKED, "map": {"when": "ts"}}, "import-invalid", "not 'when'"),
        ({**ASKED, "map": ["time"]}, "import-invalid", "map must be an object"),
        ({**ASKED, "map": {"time": "ts"}, "format": "mixpanel"}, "import-invalid", "for rows"),
        ({**ASKED, "type": {"price": "money"}}, "import-invalid", "not 'money'"),
        ({**ASKED, "skip": "a"}, "import-invalid", "skip must be a list"),
        ({**ASKED, "rate": -1}, "import-invalid", "rate is a number"),
        ({**ASKED, "collection": "a\nb"}, "import-invalid", "collection holds"),
        ({**ASKED, "s3": {"key": "x"}}, "import-invalid", "not 'key'"),
        ({**ASKED, "s3": {"access_key_id": "x"}}, "s3-keys-incomplete", "set both"),
        ({**ASKED, "headers": {"Host": "x"}}, "request-invalid", "host"),
    ],
)
def test_what_cannot_be_asked_for_is_told(options: Any, code: str, said: str) -> None:
    with pytest.raises(Malformed, match=said) as caught:
        order_of(options)
    assert caught.value.code == code


def test_what_is_done_is_done_in_one_way_only() -> None:
    plain, other = order_of(ASKED), order_of({**ASKED, "collection": "order"})
    again = order_of({"from": ["s3://b/k"], "map": None, "headers": {"X-A": 1}, "rate": 5})
    assert (again.addresses, again.headers, again.rate) == (("s3://b/k",), {"x-a": "1"}, 5)
    assert plain.key == again.key != other.key


class Writes(list[Mapping[str, Any]]):
    """What was written, or what is thrown instead."""

    trouble: Exception | None = None

    async def __call__(self, files: Mapping[str, Any]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.append(files)


def begun(kept: Kept, name: str) -> Done:
    done = kept.state.part(name, io.BufferedReader(io.BytesIO(name.encode())))
    done.rows, done.plan = 7, {"collection": "x"}
    return done


async def test_a_later_run_goes_on_with_what_was_kept() -> None:
    writes = Writes()
    kept = Kept({"other": {"state": 1}}, "key", writes, 5)
    begun(kept, "a.csv")
    at = begun(kept, "b.csv")
    kept.tell(Told("b.csv", 10, 20, 14, 1))
    await kept.flush()
    assert not writes, "nothing has changed"
    kept.save()
    await kept.flush()
    (files,) = writes
    assert list(files) == ["other", "key"]
    again = Kept(codec.loads(codec.dumps(files)), "key", writes, 99)
    assert again.state.began == 5
    assert again.state.parts["b.csv"] == at
    assert again.state.parts["a.csv"].plan is None, "its first rows say it again"
    assert Kept(files, "other", writes, 99).state.began == 99, "what cannot be read is begun anew"


async def test_what_is_kept_is_bounded() -> None:
    known: dict[str, Any] = {str(number): {"state": {}} for number in range(2 * MAX_IMPORTS)}
    kept = Kept(known, "key", Writes(), 5)
    for number in range(3_000):
        begun(kept, f"s3://bucket/{number:0100}")
    kept.tell(Told(name := f"s3://bucket/{2_999:0100}", 0, 0, 0, 0))
    record = kept.record()
    assert len(codec.dumps(record)) <= MAX_BYTES
    assert list(record) == ["key"]
    assert list(record["key"]["state"]["parts"])[-1] == name


async def test_kafka_may_be_away_and_another_run_may_count() -> None:
    writes = Writes()
    kept = Kept({}, "key", writes, 5)
    kept.save()
    writes.trouble = Unavailable("broker-unavailable", "away")
    await kept.flush()
    writes.trouble = None
    await kept.flush()
    assert len(writes) == 1
    writes.trouble = Malformed("run-taken-over", "another")
    kept.save()
    await kept.run()
    assert kept.failure is writes.trouble


async def test_bad_rows_are_dead_letters_with_file_line_and_reason() -> None:
    said: list[str] = []
    kept, why = Kept({}, "key", Writes(), 5), Malformed("csv-invalid", "too many cells")
    letters = Letters(said.append, kept)
    rows = [(Row(3, why=why, text="a,b,c"), why), (Row(4, {"a": 1}), why)]
    first, second = letters.letters("x.csv", Done(1, "f" * 64), rows)
    assert codec.loads(first.draft.body) == {"text": "a,b,c"}
    assert codec.loads(second.draft.body) == {"text": '{"a":1}'}
    assert first.draft.message_id != second.draft.message_id
    shared = codec.loads(first.shared)
    assert shared["message"] == "x.csv:3: too many cells"
    assert shared["record"] == {"file": "x.csv", "line": 3}
    for row, error in rows:
        letters.add("x.csv", row.line, error, None)
    assert said == ["x.csv:3: csv-invalid: too many cells", "x.csv:4: csv-invalid: too many cells"]
    for line in range(2, MAX_BAD):
        letters.add("x.csv", line, why, None)
    with pytest.raises(Malformed, match="the right format"):
        letters.add("x.csv", 1, why, None)
    assert Kept(kept.record(), "key", Writes(), 5).bad == MAX_BAD + 1, "the next run ends as well"
    assert len(said) < MAX_BAD
