"""What cannot start says in a sentence what to do, and nothing stays behind."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from tests.contracts.leash import Leashed
from tests.system.eventually import eventually
from tests.system.pipeline import HEADRACE, environment, headrace
from tests.system.processes import alive, descendants

pytestmark = pytest.mark.faults

SECONDS = 30.0
OPTIONS = ("--port", "--clickhouse-port", "--kafka-port")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


@pytest.mark.parametrize("option", OPTIONS)
def test_a_taken_port_is_named_with_its_option(
    option: str, taken_port: int, tmp_path: Path
) -> None:
    free = [word for other in OPTIONS if other != option for word in (other, "0")]
    output = tmp_path / "up.txt"
    process = Leashed(
        [HEADRACE, "up", "--data", str(tmp_path / "data"), option, str(taken_port), *free],
        output,
        env=environment({}),
    )
    children: set[int] = set()

    def ended() -> bool:
        children.update(descendants(process.pid))
        return not process.running

    try:
        eventually(ended, within=SECONDS, what="headrace up ends by itself")
    finally:
        status = process.kill()
    said = output.read_text()
    assert status > 0, said
    complaint = said.splitlines()[-1]
    assert str(taken_port) in complaint, said
    assert option in complaint.replace(",", " ").split(), said
    assert "Traceback" not in said
    eventually(
        lambda: {pid for pid in children if alive(pid)},
        until=lambda left: not left,
        within=30,
        what="no tier is left",
    )


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    data = tmp_path / "file" / "data"
    done = headrace("up", "--data", str(data), "--port", "0")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    assert str(tmp_path / "file") in done.stderr
    assert "--data" in done.stderr


UNSHARE = which("unshare") or ""


def _can_mount() -> bool:
    return bool(UNSHARE) and subprocess.run([UNSHARE, "-rm", "true"], check=False).returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="needs unshare and the right to mount a tmpfs")
@pytest.mark.parametrize("left_kb", [0, 150], ids=["nothing left", "room for a broker only"])
def test_a_full_disk_is_named(left_kb: int, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    up = [HEADRACE, "up", "--data", str(disk / "data"), *(w for o in OPTIONS for w in (o, "0"))]
    full = f"mount -t tmpfs -o size=3m none {disk} && head -c {(3072 - left_kb) * 1024} /dev/zero"
    done = subprocess.run(
        [UNSHARE, "-rm", "sh", "-c", f'{full} > {disk}/fill; exec "$@"', "sh", *up],
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode > 0, done
    assert "free some space" in done.stderr, done
    assert "--data" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    done = headrace("up", "--data", str(tmp_path), HEADRACE_KAFKAA="127.0.0.1:9092")
    assert done.returncode != 0
    assert "HEADRACE_KAFKAA" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_kafka_that_does_not_answer_is_named(tmp_path: Path) -> None:
    done = headrace("sources", "list", HEADRACE_DATA=str(tmp_path), HEADRACE_KAFKA="127.0.0.1:9")
    assert done.returncode != 0
    assert "127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
