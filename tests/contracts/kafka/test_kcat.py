"""The same through kcat, as people do at a prompt."""

import json
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.contracts.kafka.clients import unique
from tests.contracts.real_kafka import RealKafka

Kcat = Callable[..., str]
_SECONDS = 30


@pytest.fixture
def kcat(broker: RealKafka) -> Kcat:
    """Run kcat against the broker; return what it prints."""
    program = shutil.which("kcat")
    if program is None:
        pytest.skip("kcat is not on PATH (Debian: apt install kcat)")

    def run(*arguments: str, said: str = "") -> str:
        done = subprocess.run(
            [program, "-b", broker.address, *arguments],
            input=said,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_lines_go_in_and_come_out(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, "-K:", "-z", "snappy", said="a:1\nb:2\na:3\n")
    assert kcat("-C", "-t", topic, "-e", "-q", "-f", "%o %k=%s\n") == "0 a=1\n1 b=2\n2 a=3\n"
    assert kcat("-C", "-t", topic, "-o", "-1", "-e", "-q") == "3\n"


def test_the_cluster_is_listed(kcat: Kcat, topic: str) -> None:
    listed = json.loads(kcat("-L", "-J"))
    (found,) = [each for each in listed["topics"] if each["topic"] == topic]
    assert [each["partition"] for each in found["partitions"]] == [0]


def test_offsets_are_found_by_time(kcat: Kcat, topic: str) -> None:
    kcat("-P", "-t", topic, said="x\ny\n")
    assert kcat("-Q", "-t", f"{topic}:0:1").split() == [topic, "[0]", "offset", "0"]


def test_a_group_reads_on(kcat: Kcat, topic: str) -> None:
    group = unique("group")
    kcat("-P", "-t", topic, said="1\n2\n")
    options = ("-X", "auto.offset.reset=earliest", "-q", "-c")
    assert kcat(*options, "2", "-G", group, topic) == "1\n2\n"
    kcat("-P", "-t", topic, said="3\n")
    assert kcat(*options, "1", "-G", group, topic) == "3\n"
