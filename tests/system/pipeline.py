"""`headrace up` as a stranger starts it: the command, its output, its HTTP and its SQL."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from tests.contracts.leash import Leashed
from tests.system.client import Client
from tests.system.eventually import eventually
from tests.system.processes import descendants, tiers_of

HEADRACE = str(Path(sys.executable).with_name("headrace"))
READY_SECONDS = 90.0
STOP_SECONDS = 60.0
RESTART_SECONDS = 60.0
_COMMAND_SECONDS = 60.0
_TAIL_LINES = 25
_FREE_PORTS = ("--port", "0", "--clickhouse-port", "0", "--kafka-port", "0")
_ADDRESSES = {
    "url": r"^ready +events: +(\S+)",
    "clickhouse": r"^ +SQL: +(\S+)",
    "kafka": r"^ +Kafka: +(\S+)",
    "demo_key": r"^ +source: +demo, write key (\S+)",
}

Row = dict[str, Any]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: ours, with no HEADRACE_ setting but the given ones."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith("HEADRACE_")}
    ours["PATH"] = f"{Path(HEADRACE).parent}{os.pathsep}{ours.get('PATH', '')}"
    return {**ours, **settings}


def headrace(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a `headrace` command to its end."""
    return subprocess.run(
        [HEADRACE, *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=_COMMAND_SECONDS,
        check=False,
    )


def ask(url: str, sql: str, **parameters: object) -> list[Row]:
    """Run SQL over ClickHouse's own HTTP interface, as its passwordless reading user."""
    query = {
        "default_format": "JSONEachRow",
        "output_format_json_quote_64bit_integers": "0",
        "date_time_output_format": "iso",
        **{f"param_{name}": str(value) for name, value in parameters.items()},
    }
    client = Client(url)
    try:
        answer = client.send("POST", f"/?{urlencode(query)}", (), sql.encode())
    finally:
        client.close()
    assert answer.status == 200, answer.body.decode(errors="replace")
    return [json.loads(line) for line in answer.body.splitlines()]


class Pipeline:
    """A `headrace up` with its data in `directory`, started and stopped as often as wanted.

    `settings` are HEADRACE_ variables, `options` are added to the command line.
    """

    known: list["Pipeline"] = []  # noqa: RUF012 - on purpose one list: a failure prints their logs

    def __init__(self, directory: Path, *options: str, **settings: str) -> None:
        self.data = directory / "data"
        self.settings = settings
        self._directory = directory
        self._options = options
        self._starts = 0
        self._process: Leashed | None = None
        self._client: Client | None = None
        Pipeline.known.append(self)

    def launch(self) -> None:
        """Start the command and do not wait for anything."""
        self._starts += 1
        self._process = Leashed(
            [HEADRACE, "up", "--data", str(self.data), *_FREE_PORTS, *self._options],
            self._output_file,
            env=environment(self.settings),
        )

    def start(self) -> Self:
        """Start the command and return when it says that it is ready."""
        self.launch()
        eventually(
            lambda: not self.process.running or re.search("^ready", self.output, re.MULTILINE),
            within=READY_SECONDS,
            what="headrace up is ready",
        )
        assert self.process.running, f"headrace up ended early:\n{self.output}"
        self._hang_up()
        self._client = Client(self.url)
        return self

    @property
    def process(self) -> Leashed:
        assert self._process is not None, "not started"
        return self._process

    @property
    def _output_file(self) -> Path:
        return self._directory / f"up-{self._starts}.txt"

    @property
    def output(self) -> str:
        """What the latest start has printed so far."""
        return self._output_file.read_text() if self._output_file.exists() else ""

    def _said(self, name: str) -> str:
        found = re.search(_ADDRESSES[name], self.output, re.MULTILINE)
        assert found is not None, f"no {name} in:\n{self.output}"
        return found.group(1)

    @property
    def url(self) -> str:
        return self._said("url")

    @property
    def clickhouse(self) -> str:
        return self._said("clickhouse")

    @property
    def kafka(self) -> str:
        return self._said("kafka")

    @property
    def demo_key(self) -> str:
        return self._said("demo_key")

    @property
    def client(self) -> Client:
        """A kept-alive connection to the ingest."""
        assert self._client is not None, "not started"
        return self._client

    def tiers(self) -> dict[str, int]:
        """Process ids of the tiers that run now."""
        return tiers_of(self.process.pid)

    def restart(self, tier: str) -> None:
        """Kill every process of a tier; return when the supervisor has another one.

        A killed process keeps its name for a moment: only another process id is another one.
        """
        old = {pid for name, pid in self.tiers().items() if name.startswith(tier)}
        assert old, f"no {tier} runs"
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        eventually(
            lambda: {pid for name, pid in self.tiers().items() if name.startswith(tier)} - old,
            within=RESTART_SECONDS,
            what=f"there is another {tier}",
        )

    def descendants(self) -> set[int]:
        """Every process below the supervisor."""
        return descendants(self.process.pid)

    def sql(self, text: str, **parameters: object) -> list[Row]:
        return ask(self.clickhouse, text, **parameters)

    def headrace(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command against this pipeline."""
        return headrace(*arguments, HEADRACE_DATA=str(self.data), **self.settings)

    def create_source(self, source_id: str, *options: str) -> Row:
        """Create a source on the command line and return what it prints."""
        done = self.headrace("sources", "create", source_id, *options)
        assert done.returncode == 0, done.stderr
        created: Row = json.loads(done.stdout)
        return created

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def stop(self) -> int:
        """SIGTERM; return the exit status once it drained."""
        return self.process.stop(STOP_SECONDS)

    def close(self) -> None:
        """End whatever is left of it, without relying on what is being tested."""
        if self._process is not None and self._process.running:
            tiers = self.descendants()
            self._process.kill()
            for tier in tiers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(tier, signal.SIGKILL)
        self._hang_up()
        Pipeline.known.remove(self)

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()

    def last_words(self) -> str:
        """The ends of its output and of every tier's log, for a failed test."""
        files = [self._output_file, *sorted((self.data / "logs").glob("*.log"))]
        return "\n".join(_tail(file) for file in files if file.exists())


def _tail(file: Path) -> str:
    lines = file.read_text(errors="replace").splitlines()
    return "\n".join([f"--- {file}", *lines[-_TAIL_LINES:]])
