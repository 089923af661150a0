"""`--help` of every command names every option of the contract."""

import pytest

from tests.system.pipeline import headrace

UP = ("--data", "--host", "--port", "--clickhouse-port", "--kafka-port", "--workers", "--processes")
COMMANDS = {
    "up": UP,
    "ingest": ("--host", "--port", "--processes"),
    "process": ("--host", "--metrics-port", "--worker"),
    "sink": ("--host", "--metrics-port", "--worker"),
    "broker": ("--data", "--host", "--port", "--metrics-port", "one machine", "Apache Kafka"),
    "clickhouse": ("--data", "--host", "--port", "one machine", "ClickHouse server"),
    "init": (),
    "query": ("--data", "--format"),
    "audit": ("--since", "--source", "--format", "--data", "headrace.ledger", "exits with 1"),
    "dead": ("list", "show", "replay"),
    "dead list": ("--since", "--until", "--reason", "--source", "--stage", "--limit", "--format"),
    "dead show": ("letter_id", "--data"),
    "dead replay": (
        "--since",
        "--reason",
        "--stage",
        "--dry-run",
        "--again",
        "--rate",
        "letter_id",
    ),
    "replay": ("--source", "--since", "--until", "--rate", "--data"),
    "sources": ("create", "list", "show", "update", "rotate-key", "disable", "enable"),
    "sources create": ("--data", "--name", "--bridge", "--write-key", "--origin", "--protocol"),
    "sources list": ("--data",),
    "sources show": ("--data",),
    "sources update": ("--data", "--name", "--session-timeout"),
    "sources rotate-key": ("--data", "--type"),
    "sources disable": ("--data",),
    "sources validate": ("--name", "--schema", "--data", "example", "json schema"),
    "sources validations": ("--data",),
    "sources stop-validating": ("name", "--data"),
    "links": ("make",),
    "links make": (
        *("--source", "--to", "--campaign", "--recipient", "--event-type", "--open-type"),
        *("--property", "--expires-in", "--csv", "--data", "examples"),
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option(command: str) -> None:
    done = headrace(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.lower().split())
    assert [name for name in COMMANDS[command] if name.lower() not in text] == []


def test_help_lists_commands_and_settings() -> None:
    done = headrace("--help")
    assert done.returncode == 0, done.stderr
    assert [c for c in COMMANDS if " " not in c and f"\n  {c} " not in done.stdout] == []
    assert "HEADRACE_KAFKA" in done.stdout
