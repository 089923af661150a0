"""Settings: every variable, its default, and what is said when it cannot be."""

import stat
from dataclasses import fields, replace
from pathlib import Path

import pytest

from deploy.settings import (
    PREFIX,
    SettingError,
    Settings,
    draw_secret,
    forget_addresses,
    from_environment,
    write_addresses,
)

README = Path(__file__).parents[2] / "README.md"
DOCUMENTED = [f for f in fields(Settings) if f.metadata]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.mark.parametrize("field", DOCUMENTED, ids=lambda field: str(field.name))
def test_every_setting_is_read_from_its_variable(field: object, tmp_path: Path) -> None:
    name = field.name  # type: ignore[attr-defined]
    default = getattr(Settings(), name)
    text = "7" if isinstance(default, int) else str(tmp_path / "given")
    read = getattr(from_environment({PREFIX + name.upper(): text}), name)
    assert read == type(default)(text)
    assert type(read) is type(default) or isinstance(read, Path)


def test_defaults_need_nothing() -> None:
    settings = from_environment({}, alone=True)
    assert settings == Settings()
    assert (settings.kafka, settings.prefix, settings.partitions) == (
        "127.0.0.1:9092",
        "headrace",
        12,
    )
    assert settings.database == "headrace"
    assert settings.topics.raw("shop").name == "headrace.raw.shop"


def test_a_spool_may_be_as_small_as_none() -> None:
    assert from_environment({"HEADRACE_SPOOL_BYTES": "0"}, alone=True).spool_bytes == 0


@pytest.mark.parametrize(
    ("variable", "text", "complaint"),
    [
        ("HEADRACE_KAFKAA", "x", "HEADRACE_KAFKAA is not a setting; `headrace --help` lists them"),
        ("HEADRACE_PARTITIONS", "many", "HEADRACE_PARTITIONS must be a whole number, 1 or more"),
        ("HEADRACE_PARTITIONS", "0", "HEADRACE_PARTITIONS must be a whole number, 1 or more"),
        ("HEADRACE_PARTITIONS", "-1", "HEADRACE_PARTITIONS must be a whole number, 1 or more"),
        ("HEADRACE_SPOOL_BYTES", "1G", "HEADRACE_SPOOL_BYTES must be a whole number, 0 or more"),
        ("HEADRACE_KAFKA_GIVEN", "1", "HEADRACE_KAFKA_GIVEN is not a setting"),
    ],
)
def test_what_cannot_be_is_refused_by_name(variable: str, text: str, complaint: str) -> None:
    with pytest.raises(SettingError) as caught:
        from_environment({variable: text})
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize("variable", ["PATH", "HEADRACE_TEST_KAFKA", "HEADRACE_LINK"])
def test_other_variables_are_left_alone(variable: str, tmp_path: Path) -> None:
    assert from_environment({variable: "x"}, alone=True) == Settings()


def test_addresses_of_a_running_pipeline_are_found_and_forgotten(settings: Settings) -> None:
    running = replace(
        settings, kafka="127.0.0.1:1", clickhouse="http://127.0.0.1:2/headrace", partitions=4
    )
    write_addresses(running)
    environment = {"HEADRACE_DATA": str(settings.data)}
    assert from_environment(environment) == running
    assert from_environment(environment, alone=True) == settings
    forget_addresses(running)
    assert from_environment(environment) == settings


def test_a_variable_is_above_a_running_pipeline(settings: Settings) -> None:
    write_addresses(replace(settings, kafka="127.0.0.1:1"))
    environment = {"HEADRACE_DATA": str(settings.data), "HEADRACE_KAFKA": "kafka:9092"}
    assert from_environment(environment).kafka == "kafka:9092"


def test_a_given_address_is_not_written_down(settings: Settings) -> None:
    clickhouse = "http://user:password@there:8123/headrace"
    write_addresses(replace(settings, clickhouse=clickhouse, clickhouse_given=True))
    for file in settings.data.iterdir():
        assert "password" not in file.read_text()


def test_one_machine_draws_its_secret_once_for_its_owner_only(settings: Settings) -> None:
    draw_secret(settings)
    (file,) = settings.data.iterdir()
    drawn = file.read_text()
    assert len(drawn) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    issued = settings.ids().issue("profile", "x")
    draw_secret(settings)
    assert file.read_text() == drawn
    assert Settings(data=settings.data).ids().is_own(issued)


def test_a_start_killed_while_it_drew_the_secret_is_mended(settings: Settings) -> None:
    (settings.data / "secret").touch(mode=0o600)
    draw_secret(settings)
    assert settings.ids().secret


def test_a_given_secret_is_used_and_not_written_down(settings: Settings) -> None:
    given = replace(settings, secret="given")
    draw_secret(given)
    assert list(settings.data.iterdir()) == []
    assert not Settings(secret="other").ids().is_own(given.ids().issue("x"))


def test_without_any_secret_the_sentence_says_how_to_make_one(settings: Settings) -> None:
    with pytest.raises(SettingError, match="HEADRACE_SECRET"):
        settings.ids()


def test_secrets_are_not_printed() -> None:
    settings = Settings(
        secret="hush", admin_key="hush", clickhouse="http://user:hush@there/headrace"
    )
    assert "hush" not in repr(settings)


def test_tiers_write_as_the_stand_ins_writer_or_as_the_address_says(settings: Settings) -> None:
    draw_secret(settings)
    local = settings.clickhouse_writer
    assert local.startswith("http://headrace:")
    assert local.endswith("@127.0.0.1:8123/headrace")
    given = replace(settings, clickhouse="http://u:p@there/db", clickhouse_given=True)
    assert given.clickhouse_writer == "http://u:p@there/db"
    assert given.database == "db"


@pytest.mark.parametrize("field", DOCUMENTED, ids=lambda field: str(field.name))
def test_the_readme_documents_every_setting(field: object) -> None:
    assert f"`{PREFIX}{field.name.upper()}`" in README.read_text()  # type: ignore[attr-defined]
