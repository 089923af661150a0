"""`headrace up`: what it prints, how it starts again, how it ends, and that it leaves nobody."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from tests.faults.conftest import MakePipeline
from tests.system.demo import count_events, post_event
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, environment, headrace
from tests.system.processes import alive

pytestmark = pytest.mark.faults

ORPHAN_SECONDS = 30.0
AT_ONCE_SECONDS = 15.0
VISIBLE_SECONDS = 60.0
BACK_SECONDS = 30.0


def run_in_shell(line: str) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def printed_line(pipeline: Pipeline, command: str) -> str:
    found = re.search(rf"^ +({command} .*)$", pipeline.output, re.MULTILINE)
    assert found is not None, pipeline.output
    return found.group(1)


def wait_until_gone(pids: set[int]) -> None:
    eventually(
        lambda: {pid for pid in pids if alive(pid)},
        until=lambda left: not left,
        within=ORPHAN_SECONDS,
        what="every process is gone",
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine to paste into")
def test_what_is_printed_works_when_pasted(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline().start()
    run_in_shell(printed_line(pipeline, "curl"))
    query = printed_line(pipeline, "headrace query")
    eventually(
        lambda: run_in_shell(query),
        until=lambda table: "order_placed" in table and "9.95" in table,
        within=VISIBLE_SECONDS,
        what="the printed query shows the event of the printed curl line",
    )
    assert pipeline.stop() == 0


def test_a_later_start_has_the_old_events_and_the_same_key(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline().start()
    assert post_event(pipeline, "kept").status == 200
    key = pipeline.demo_key
    tiers = pipeline.descendants()
    assert pipeline.stop() == 0
    wait_until_gone(tiers)
    pipeline.start()
    assert pipeline.demo_key == key
    assert count_events(pipeline, "kept") == 1
    assert pipeline.stop() == 0


def test_a_killed_supervisor_leaves_no_orphan(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline("--workers", "2").start()
    assert sorted(pipeline.tiers()) == [
        "broker",
        "clickhouse",
        "ingest",
        "process-1",
        "process-2",
        "sink",
    ]
    assert post_event(pipeline, "before_the_kill").status == 200
    tiers = pipeline.descendants()
    pipeline.process.kill()
    wait_until_gone(tiers)
    pipeline.start()
    eventually(
        lambda: count_events(pipeline, "before_the_kill"),
        within=VISIBLE_SECONDS,
        what="the event accepted before the kill is stored",
    )
    assert pipeline.stop() == 0


def test_a_killed_tier_is_reported_and_comes_back(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline().start()
    os.kill(pipeline.tiers()["sink"], signal.SIGKILL)
    eventually(
        lambda: "sink is back" in pipeline.output,
        within=BACK_SECONDS,
        what="the death and the return of the sink are reported",
    )
    assert re.search(r"sink died of SIGKILL.*\n +\S", pipeline.output), pipeline.output
    assert post_event(pipeline, "after_the_death").status == 200
    eventually(
        lambda: count_events(pipeline, "after_the_death"),
        within=VISIBLE_SECONDS,
        what="an event gets through the new sink",
    )
    assert pipeline.stop() == 0


def test_a_second_up_on_the_same_data_is_refused_in_one_sentence(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline().start()
    second = headrace("up", "--data", str(pipeline.data), "--port", "0")
    assert second.returncode != 0
    (sentence,) = second.stderr.splitlines()
    assert str(pipeline.process.pid) in sentence
    assert str(pipeline.data) in sentence
    assert "--data" in sentence
    assert post_event(pipeline, "still_here").status == 200
    assert pipeline.stop() == 0


def test_a_second_ctrl_c_stops_at_once(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline().start()
    tiers = pipeline.descendants()
    # with the sink standing still, the drain cannot end
    os.kill(pipeline.tiers()["sink"], signal.SIGSTOP)
    assert post_event(pipeline, "undrained").status == 200
    pipeline.signal(signal.SIGINT)
    eventually(lambda: "stopping" in pipeline.output, within=30, what="the drain has begun")
    assert pipeline.process.running
    began = time.monotonic()
    pipeline.signal(signal.SIGINT)
    assert pipeline.process.wait(AT_ONCE_SECONDS) > 0, pipeline.output
    assert time.monotonic() - began < AT_ONCE_SECONDS
    wait_until_gone(tiers)
