"""`headrace query --name` against a real store: the README's examples, and what is refused."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli_query import query
from schemas.named import NAMED
from sinks import rows
from sinks.clickhouse import ClickHouse
from tests.sinks.lines import event

README = (Path(__file__).parents[2] / "README.md").read_text()
EXAMPLES = re.findall(r"^\$ headrace query (--name .*)$", README, re.MULTILINE)


async def test_the_readme_has_a_working_example_of_each(clickhouse: ClickHouse, url: str) -> None:
    await clickhouse.insert("events", rows.body([rows.events(event(1), 0, 0)]))
    for example in EXAMPLES:
        done = CliRunner().invoke(query, shlex.split(example), env={"HEADRACE_CLICKHOUSE": url})
        assert done.exit_code == 0, (example, done.output)
    assert {shlex.split(example)[1] for example in EXAMPLES} == set(NAMED)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "events"], "--source"),
        (["--name", "nothing", "--source", "shop"], "events, funnel"),
        (["--name", "funnel", "--source", "shop"], "steps is missing"),
        (["--name", "live", "--source", "shop", "-p", "group"], "NAME=VALUE"),
        (["SELECT 1", "--source", "shop"], "go with --name"),
        (["SELECT 1", "--name", "live"], "--list"),
        ([], "--list"),
    ],
)
def test_the_command_says_what_is_missing(options: list[str], said: str) -> None:
    refused = CliRunner().invoke(query, options)
    assert refused.exit_code != 0
    assert said in refused.output


def test_the_list_has_every_parameter() -> None:
    listed = CliRunner().invoke(query, ["--list"]).output
    for named in NAMED.values():
        assert all(f"\n  {each.name} " in listed for each in named.parameters)
