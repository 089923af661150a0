"""The case files themselves: readable, without doubles, about sources that there are."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cases.case import BadFile, all_cases, all_sources, files, read, readable

FILES = files()


@pytest.mark.parametrize("file", FILES, ids=[f"{file.parent.name}/{file.name}" for file in FILES])
def test_a_file_can_be_read(file: Path) -> None:
    read(file)


def test_each_vendor_has_its_cases() -> None:
    vendors = {file.parent.name for file in FILES}
    assert {"tracardi", "rakam", "filum", "eventbunker", "own", "cloudevents", "links"} <= vendors


def test_no_two_cases_of_a_vendor_have_one_name() -> None:
    named = Counter(str(case) for case in all_cases())
    assert [name for name, count in named.items() if count > 1] == []


def test_every_case_has_its_source() -> None:
    known = all_sources()
    assert {f"{case.vendor}-{case.source}" for case in all_cases()} <= known.keys()


def test_a_source_of_several_files_is_the_same_in_all() -> None:
    sources = [source for file in readable() for source in file.sources]
    known = all_sources()
    assert [source for source in sources if source != known[source.id]] == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cases: [", "expected"),
        ("surprise: 1", r"unknown \['surprise'\]"),
        ("cases: 1", "expected a list"),
        ("cases: [{name: a}]", "fact is missing"),
        ("cases: [{fact: a}]", "name is missing"),
        ("cases: [{name: a, name: b}]", "there twice"),
        ("cases: [{on: a}]", "in quotes"),
        ("cases: [{name: a, fact: b}]", "either a request or an event"),
        ("cases: [{name: a, fact: b, event: 1, request: {path: /}}]", "either a request"),
        ("cases: [{name: a, fact: b, event: 1, steps: []}]", "not both"),
        ("cases: [{name: a, fact: b, request: {}}]", "has a path"),
        ("cases: [{name: a, fact: b, request: {path: /, json: 1, text: b}}]", "one body"),
        ("cases: [{name: a, fact: b, request: {path: /, jsno: 1}}]", "jsno"),
        ("cases: [{name: a, fact: b, event: 1, reply: {code: 1}}]", "code"),
        ("cases: [{name: a, fact: b, event: 1, feed: [pigeon]}]", "feed is some of"),
        ("cases: [{name: a, fact: b, request: {path: /}, feed: [batch]}]", "only an event"),
        ("cases: [{name: a, fact: b, event: 1, only: there}]", "only is one of"),
        ("sources: {a: {id: b}}", "its id follows"),
        ("sources: {a: {keys: [{kind: write}]}}", "kind"),
    ],
)
def test_what_is_not_of_the_format_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(BadFile, match=complaint):
        read(file)


def test_words_and_dates_stay_texts_and_defaults_are_filled_in(tmp_path: Path) -> None:
    file = tmp_path / "good.yaml"
    file.write_text("cases: [{name: a, fact: b, event: {at: 2026-11-20T10:00:00Z, n: 5}}]")
    (case,) = read(file).cases
    event: tuple[Any, ...] = case.steps[0].event
    assert event == ({"at": "2026-11-20T10:00:00Z", "n": 5},)
    assert (case.source, case.rows, case.dead, case.only) == ("rest", (), (), "")
    assert case.feeds == ("plain", "gzip", "sniffed", "beacon")
