"""The benchmarks' pure parts; what they measure is no test's matter."""

import json
import math
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from deploy.bench import draw, installed
from deploy.bench.figures import Figures
from deploy.bench.footprint import by_package, mappings
from deploy.bench.growth import DIMENSIONS
from deploy.bench.plan import Plan, Step, spoken
from deploy.bench.report import (
    Column,
    Plot,
    Report,
    Table,
    as_json,
    as_text,
    lay_out,
    quantile,
    spell,
    spread,
)
from deploy.bench.run import Taken
from deploy.bench.samples import PROTOCOLS, Sender, bodies, mark_of, mean_bytes, number_of
from deploy.bench.tiers import Dose, Sample, steady
from deploy.cli_bench import bench
from deploy.settings import SettingError

NAN = float("nan")


def taken(events: float, seconds: float = 2.0) -> Taken:
    return Taken(events, seconds, cpu=events * 10e-6, resident=50)


@pytest.fixture
def figures() -> Figures:
    found = Figures()
    for events in (600.0, 200.0, 400.0):
        found.add("ingest", taken(events), "bare ASGI")
    found.add("bare ASGI", taken(800.0))
    found.add("its sink", taken(100.0, NAN))
    return found


@pytest.fixture
def report(figures: Figures) -> Report:
    growth = Table(
        "growth",
        "as batch grows",
        (Column("batch", "batch", "count"), Column("stage", "stage"), Column("cpu_us", "µs")),
        ((1, "ingest", 100.0), (10, "ingest", 20.0)),
        Plot("batch", "cpu_us", series="stage", lines=True),
    )
    tables = (figures.table("stages", "each tier"), growth)
    return Report("pipeline", "2026-11-21T12:00:00+00:00", {"cores": "2 cores"}, {"n": 3}, tables)


def test_medians_and_extremes() -> None:
    assert (spread([3, 1, 2]).median, spread([3, 1, 2]).low, spread([4, 2]).median) == (2, 1, 3)
    assert quantile(range(1, 101), 0.99) == 99
    assert math.isnan(quantile([], 0.5))


@pytest.mark.parametrize(
    ("cell", "kind", "expected"),
    [
        (None, "count", "-"),
        (NAN, "share", "-"),
        (1234.5, "count", "1,234"),
        (0.333, "share", "33%"),
        (12.345, "decimal", "12.3"),
        (1.239, "decimal", "1.24"),
        ("a", "text", "a"),
        (3, "text", "3"),
    ],
)
def test_cells(cell: object, kind: str, expected: str) -> None:
    assert spell(cell, kind) == expected  # type: ignore[arg-type]


def test_a_stage_is_held_against_the_baseline_of_the_same_run(figures: Figures) -> None:
    rows = {row["stage"]: row for row in figures.table("stages", "").records()}
    ingest = rows["ingest"]
    assert (ingest["rate"], ingest["low"], ingest["high"], ingest["rounds"]) == (200, 100, 300, 3)
    assert ingest["ratio"] == 0.5
    assert ingest["cpu_us"] == pytest.approx(10)
    assert rows["its sink"]["rate"] is None
    figures.beside("ingest", "its own")
    assert figures.table("stages", "").column("ratio")[0] is None


def test_numbers_stand_to_the_right(figures: Figures) -> None:
    heads, first, *_ = lay_out(figures.table("stages", ""))
    assert heads.startswith("stage      events/s  lowest")
    assert first.startswith("ingest          200     100")


def test_the_report_as_text_and_as_json(report: Report) -> None:
    text = as_text(report)
    assert text.startswith("headrace bench pipeline: 2026-11-21T12:00:00+00:00; 2 cores\nn 3\n\n")
    said = json.loads(as_json(report))
    assert said["tables"]["stages"]["rows"][0]["rate"] == 200
    assert said["tables"]["stages"]["columns"]["rate"] == "events/s"
    assert said["machine"] == {"cores": "2 cores"}


def test_the_report_as_a_picture(report: Report) -> None:
    assert draw.png(report).startswith(b"\x89PNG\r\n")


def test_without_what_draws_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing() -> None:
        raise SettingError("--png needs matplotlib: pip install 'headrace[bench]'")

    monkeypatch.setattr(draw, "load", missing)
    done = CliRunner().invoke(bench, ["pipeline", "--png", str(tmp_path / "a.png")])
    assert done.exit_code == 1
    assert "pip install 'headrace[bench]'" in done.stderr


async def test_a_plan_says_how_long_it_takes_and_how_far_it_is() -> None:
    said: list[str] = []
    done: list[str] = []

    def work(name: str) -> Callable[[], Awaitable[None]]:
        async def one() -> None:
            done.append(name)

        return one

    await Plan((Step("first", 90, work("a")), Step("second", 30, work("b")))).run(said.append)
    assert done == ["a", "b"]
    assert said[0] == "2 steps, about 2 min"
    assert said[2] == "2/2 second ... (30 s to go)"


@pytest.mark.parametrize(("seconds", "expected"), [(59, "59 s"), (60, "1 min"), (3600, "60 min")])
def test_times_as_people_say_them(seconds: float, expected: str) -> None:
    assert spoken(seconds) == expected


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("batch", [0, 3])
def test_every_shape_makes_bodies_whose_events_can_be_found_again(
    protocol: str, batch: int
) -> None:
    keys = (("shop", "hrw_key"), ("web", "hrw_other"))
    sender = Sender("http://x", keys, run=7, protocol=protocol, batch=batch, properties=20)
    if protocol == "eventbunker" and batch:
        assert sender.shapes() == []
        return
    first, second = (orjson.loads(body) for body in bodies(sender, range(2)))
    assert first != second
    marks = [mark for body in (first, second) for mark in _marks(body)]
    assert [number_of(mark, 7) for mark in marks] == list(range(2 * sender.size))
    assert number_of(marks[0], 6) is None
    assert mean_bytes(sender) > 250


def _marks(value: object) -> list[int]:
    """Every number of an event in a body, in its order."""
    if isinstance(value, list):
        return [mark for each in value for mark in _marks(each)]
    if not isinstance(value, dict):
        return []
    own = [value["n"]] if "n" in value else []
    if value.get("key") == "n":
        own = [value["value"]["int_value"]]
    return own + [mark for each in value.values() for mark in _marks(each)]


def test_marks_of_runs_do_not_meet() -> None:
    assert number_of(mark_of(3, 5), 3) == 5
    assert number_of(mark_of(3, 5), 2) is None
    assert mark_of(1, 2**32 - 1) < mark_of(2, 0)


@pytest.mark.parametrize("name", DIMENSIONS)
def test_every_dimension_changes_the_dose_or_the_bed(name: str) -> None:
    dimension = DIMENSIONS[name]
    doses = {dimension.change(Dose(), value) for value in dimension.values}
    assert len(doses) == (1 if name == "sources" else len(dimension.values))
    assert all(dose.expected > 0 for dose in doses)


IMPORTED = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _weakref
import time:       300 |        400 | aiokafka.util
import time:       200 |        900 | aiokafka
2026-11-21T12:00:00.000Z INFO deploy.tier: ingest is ready
import time:        50 |         50 | json.decoder
"""
SMAPS = """\
7f00-7f10 r--p 00000000 08:01 1 /venv/lib/python3.11/site-packages/chdb/_chdb.so
Rss:                1000 kB
Private_Clean:       900 kB
Private_Dirty:         4 kB
7f10-7f20 rw-p 00000000 00:00 0
Rss:                 500 kB
Private_Dirty:       500 kB
"""


def test_imports_are_added_up_by_package() -> None:
    assert by_package(IMPORTED) == {"aiokafka": 500, "standard library": 150}


def test_memory_is_added_up_by_what_is_mapped() -> None:
    assert mappings(SMAPS) == (1404, {"chdb": 1000})


def test_what_is_installed_is_weighed_without_extras() -> None:
    found = installed.sizes("headrace")
    assert found["aiokafka"] > 100_000
    assert "matplotlib" not in found


def test_workers_are_timed_while_all_are_there_and_none_has_finished() -> None:
    samples = [Sample(left, at, at / 2) for at, left in enumerate([100, 90, 80, 40, 8, 0])]
    first, last = steady(samples, 100)
    assert (first.left, last.left) == (80, 8)
    quick = [Sample(100, 0.0, 0.0), Sample(100, 0.1, 0.1), Sample(0, 0.2, 0.2)]
    first, last = steady(quick, 100)
    assert (first.left, last.left, last.at) == (100, 0, 0.2)
