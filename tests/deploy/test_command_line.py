"""Every command explains every option; every documented setting is in the help."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields

import click
import pytest
from click.testing import CliRunner

from deploy import cli
from deploy.settings import PREFIX, Settings


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*path, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands(cli.headrace))


@pytest.mark.parametrize("name", COMMANDS)
def test_help_mentions_every_option_and_says_what_the_command_does(name: str) -> None:
    shown = CliRunner().invoke(cli.headrace, [*name.split(), "--help"])
    assert shown.exit_code == 0
    assert COMMANDS[name].get_short_help_str()
    options = [o for o in COMMANDS[name].params if isinstance(o, click.Option) and not o.hidden]
    assert [option.opts[0] for option in options if option.opts[0] not in shown.output] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text(name: str) -> None:
    options = [o for o in COMMANDS[name].params if isinstance(o, click.Option) and not o.hidden]
    assert [option.opts[0] for option in options if not option.help] == []


def test_help_lists_every_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["headrace", "--help"])
    with pytest.raises(SystemExit):
        cli.main()
    shown = capsys.readouterr().out
    names = [PREFIX + field.name.upper() for field in fields(Settings) if field.metadata]
    assert [name for name in names if name not in shown] == []


def test_a_tier_imports_no_other_command() -> None:
    look = "import deploy.cli, sys; print([m for m in sys.modules if m.startswith('deploy.cli_')])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['deploy.cli_lazy', 'deploy.cli_options']"


def test_an_unknown_setting_is_a_sentence_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_NONSENSE", "1")
    done = CliRunner().invoke(cli.headrace, ["init"])
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: HEADRACE_NONSENSE is not a setting")
