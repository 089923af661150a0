"""Definitions of scheduled tasks: what is taken, what is refused, what is kept."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Malformed
from schemas.tasks import MAX_SCRIPT, Task, changed, from_record, new_task

SCRIPT = "function run() {}"
GIVEN: dict[str, Any] = {"id": "orders", "source": "shop", "script": SCRIPT, "every": 60}
TASK = Task("orders", "shop", SCRIPT, every=60, secrets={"token": "sealed"})


def refusal(change: dict[str, Any]) -> tuple[str, str]:
    given = {name: value for name, value in {**GIVEN, **change}.items() if value is not ...}
    with pytest.raises(Malformed) as caught:
        new_task(given)
    assert caught.value.code == "task-invalid"
    return str(caught.value.where[0]), caught.value.message


def test_what_is_not_said_is_as_documented() -> None:
    draft = new_task(GIVEN)
    assert draft.task == Task("orders", "shop", SCRIPT, every=60)
    assert draft.secrets == {}
    assert (draft.task.missed, draft.task.timezone, draft.task.timeout) == ("latest", "UTC", 300)
    assert draft.task.enabled


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": ...}, "id"),
        ({"id": "Orders"}, "id"),
        ({"id": "orders\n"}, "id"),
        ({"id": ""}, "id"),
        ({"source": ...}, "source"),
        ({"source": 7}, "source"),
        ({"script": ...}, "script"),
        ({"script": ..., "template": ""}, "template"),
        ({"template": ""}, "template"),
        ({"cron": ""}, "cron"),
        ({"cron": " ", "every": ...}, "cron"),
        ({"timezone": ""}, "timezone"),
        ({"script": " "}, "script"),
        ({"script": "\0"}, "script"),
        ({"script": "x" * (MAX_SCRIPT + 1)}, "script"),
        ({"script": "ü" * (MAX_SCRIPT // 2 + 1)}, "script"),
        ({"template": "csv"}, "script"),
        ({"cron": "* * * * *"}, "every"),
        ({"every": 9}, "every"),
        ({"every": 0, "cron": "* * * * *"}, "every"),
        ({"every": "60"}, "every"),
        ({"every": True}, "every"),
        ({"every": 60.5}, "every"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 3601}, "timeout"),
        ({"missed": "never"}, "missed"),
        ({"enabled": 1}, "enabled"),
        ({"description": "a\nb"}, "description"),
        ({"parameters": []}, "parameters"),
        ({"parameters": {"a": "x" * 20_000}}, "parameters"),
        ({"allow": "10.0.0.0/8"}, "allow"),
        ({"allow": ["10.0.0.0/8"] * 21}, "allow"),
        ({"secrets": []}, "secrets"),
        ({"secrets": {"a-b": "12345"}}, "secrets"),
        ({"secrets": {"a": "123"}}, "secrets"),
        ({"secrets": {"a": "12345\n"}}, "secrets"),
        ({"secrets": {"a": 12345}}, "secrets"),
        ({"secrets": {f"a{number}": "12345" for number in range(21)}}, "secrets"),
        ({"created_at": 1}, "created_at"),
        ({"since": 1}, "since"),
        ({"shedule": 1}, "shedule"),
    ],
)
def test_what_cannot_be_is_named(change: dict[str, Any], field: str) -> None:
    assert refusal(change)[0] == field


def test_a_refused_secret_is_not_repeated() -> None:
    assert "hush" not in refusal({"secrets": {"a": "hush\thush"}})[1]
    assert "hush" not in repr(new_task({**GIVEN, "secrets": {"a": "hushhush"}}))
    assert "sealed" not in repr(TASK)


def test_a_change_keeps_what_it_does_not_name() -> None:
    assert changed(TASK, {}).task == TASK
    assert changed(TASK, {"missed": "skip"}).task == replace(TASK, missed="skip")
    assert changed(TASK, {"secrets": {"b": "12345"}}).secrets == {"b": "12345"}
    assert changed(TASK, {"secrets": {"token": None}}).secrets == {"token": None}


def test_one_schedule_takes_the_place_of_the_other() -> None:
    daily = changed(TASK, {"cron": "0 3 * * *"}).task
    assert (daily.every, daily.cron) == (0, "0 3 * * *")
    assert changed(daily, {"every": 60.0}).task == TASK


def test_a_script_takes_the_place_of_a_template() -> None:
    of_template = replace(TASK, template="csv")
    assert changed(of_template, {"script": "function run() { }"}).task.template == ""
    assert changed(of_template, {"parameters": {}}).task.template == "csv"


@pytest.mark.parametrize("name", ["id", "since", "created_at", "updated_at", "x"])
def test_some_fields_never_change(name: str) -> None:
    with pytest.raises(Malformed, match="no field of a task that can be changed"):
        changed(TASK, {name: "a"})


@given(
    st.builds(
        Task,
        st.just("orders"),
        st.just("shop"),
        st.text(st.characters(exclude_categories=["Cs"])),
        every=st.integers(0, 10_000),
        secrets=st.dictionaries(st.just("a"), st.just("s1.x")),
        parameters=st.dictionaries(st.just("a"), st.integers(0, 9)),
        allow=st.lists(st.just("10.0.0.0/8")).map(tuple),
    )
)
def test_a_record_is_read_as_it_was_written(task: Task) -> None:
    assert from_record(task.as_record()) == task


def test_a_record_of_a_later_version_is_read() -> None:
    record = TASK.as_record()[:-1] + b',"colour":"red"}'
    assert from_record(record) == TASK
    for broken in (b"[]", b"{}", b"{"):
        with pytest.raises(Malformed):
            from_record(broken)
