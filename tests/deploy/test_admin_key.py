"""The admin key: whence it comes, what is kept of it, when it is refused."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.admin_key import draw_admin_key, first_admin_key, is_admin, where
from deploy.cli import headrace
from deploy.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


def test_nobody_is_admin_where_there_is_no_key(settings: Settings) -> None:
    assert not is_admin(settings, "")
    assert not is_admin(settings, "hra_x")
    assert where(settings).startswith("none yet: set HEADRACE_ADMIN_KEY")


def test_the_first_start_draws_a_key_and_keeps_its_hash_for_the_owner(settings: Settings) -> None:
    clear = first_admin_key(settings)
    assert clear.startswith("hra_")
    assert is_admin(settings, clear)
    assert not is_admin(settings, clear[:-1])
    (file,) = settings.data.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert clear not in file.read_text()
    assert first_admin_key(settings) == ""
    assert where(settings) == "shown when it was drawn (lost? `headrace admin-key --new`)"


def test_another_takes_the_place_of_the_first_at_once(settings: Settings) -> None:
    first = draw_admin_key(settings)
    second = draw_admin_key(settings)
    assert (is_admin(settings, first), is_admin(settings, second)) == (False, True)


def test_the_environment_is_above_the_file(settings: Settings) -> None:
    drawn = draw_admin_key(settings)
    given = replace(settings, admin_key=" given\n")
    assert (is_admin(given, "given"), is_admin(given, drawn)) == (True, False)
    assert first_admin_key(given) == ""
    assert where(given) == "the HEADRACE_ADMIN_KEY of the environment"
    assert "given" not in repr(given)


def test_the_command_says_where_the_key_is_and_draws_another(settings: Settings) -> None:
    runner = CliRunner()
    data = ["--data", str(settings.data)]
    assert runner.invoke(headrace, ["admin-key", *data]).output.startswith("none yet")
    drawn = runner.invoke(headrace, ["admin-key", "--new", *data])
    assert drawn.exit_code == 0
    assert is_admin(settings, drawn.output.strip())
    refused = runner.invoke(
        headrace, ["admin-key", "--new", *data], env={"HEADRACE_ADMIN_KEY": "given"}
    )
    assert refused.exit_code == 1
    assert "HEADRACE_ADMIN_KEY is set" in refused.output
