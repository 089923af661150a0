"""A steady stream into a whole pipeline, with a random fault every few seconds.

``python -m tests.faults.soak --seconds 600 --rate 300``: ends with 0 when nothing was lost,
nothing doubled, no tier grew and every fault was recovered from; else with 1.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from tests.faults.figures import Figures, table
from tests.faults.found import broken_sessions, dead, is_visible_since, seen, signal_tier
from tests.faults.numbered import FILUM_KEY, FILUM_SOURCE, TRACARDI_SOURCE, Clients
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline
from tests.system.topics import undelivered

TIERS: Final = 6
"""Broker, ClickHouse, ingest, two workers, sink."""
PER_REQUEST: Final = 5
RECOVERY_SECONDS: Final = 90.0
DRAIN_SECONDS: Final = 120.0
PACE_SECONDS: Final = 0.1
WATCHED_SECONDS: Final = 30.0
"""Of the start and of the end, for the comparison of memory."""
GROWTH: Final = 1.5
SLACK_MB: Final = 50


@dataclass
class Memory:
    """Resident memory of each tier, MB by time; a tier that was killed starts small again."""

    samples: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def look(self, pipeline: Pipeline) -> None:
        now = time.monotonic()
        for tier, pid in pipeline.tiers().items():
            with contextlib.suppress(OSError, StopIteration):
                text = Path(f"/proc/{pid}/status").read_text()
                line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
                self.samples[tier].append((now, int(line.split()[1]) / 1024))

    def report(self, began: float, ended: float) -> Iterator[tuple[str, float, float, float]]:
        """Tier, MB at the start (once warm), at the end, and at most."""
        for tier, samples in sorted(self.samples.items()):
            first = [mb for at, mb in samples if at < began + WATCHED_SECONDS]
            last = [mb for at, mb in samples if at > ended - WATCHED_SECONDS]
            if first and last:
                yield tier, median(first), median(last), max(mb for _, mb in samples)


class Background(threading.Thread):
    """Paces the clients and looks at memory."""

    def __init__(self, pipeline: Pipeline, clients: Clients, memory: Memory, rate: int) -> None:
        super().__init__(name="pace")
        self._pipeline, self._clients = pipeline, clients
        self._memory, self._rate = memory, rate
        self._ended = threading.Event()

    def run(self) -> None:
        began, looked = time.monotonic(), 0.0
        while not self._ended.wait(PACE_SECONDS):
            now = time.monotonic()
            due = int((now - began) * self._rate) // PER_REQUEST * PER_REQUEST
            self._clients.allow(min(self._clients.total, due))
            if now - looked >= 1:
                looked = now
                self._memory.look(self._pipeline)

    def end(self) -> None:
        self._ended.set()
        self.join()


@dataclass(frozen=True)
class Soak:
    """One run; ``every`` seconds a fault."""

    seconds: int
    rate: int
    every: float
    random: Random

    def run(self, directory: Path) -> bool:
        """Run it; tell whether all is well."""
        pipeline = Pipeline(directory, "--workers", "2").start()
        try:
            pipeline.create_source(FILUM_SOURCE, "--write-key", FILUM_KEY)
            pipeline.create_source(TRACARDI_SOURCE)
            return self._stream(pipeline)
        except AssertionError:
            _say(pipeline.last_words())
            raise
        finally:
            pipeline.close()

    def _stream(self, pipeline: Pipeline) -> bool:
        total = self.seconds * self.rate // PER_REQUEST * PER_REQUEST
        memory, began = Memory(), time.monotonic()
        found: list[float] = []
        with Clients(pipeline.url, total) as clients:
            background = Background(pipeline, clients, memory, self.rate)
            background.start()
            try:
                due = began
                while (due := max(due + self.every, time.monotonic())) < began + self.seconds:
                    _wait_until(due)
                    found.append(self._fault(pipeline, clients))
                _wait_until(began + self.seconds)
                eventually(
                    clients.accepted,
                    until=lambda count: count >= total or clients.figures.refusals,
                    within=DRAIN_SECONDS,
                    what="everything is accepted",
                )
            finally:
                background.end()
        return _judge(pipeline, clients, found, memory, began)

    def _fault(self, pipeline: Pipeline, clients: Clients) -> float:
        tiers = eventually(
            lambda: sorted(pipeline.tiers()),
            until=lambda names: len(names) == TIERS,
            within=RECOVERY_SECONDS,
            what="all tiers run",
        )
        tier = self.random.choice(tiers)
        kind = self.random.choice(("killed", "killed", "stopped", "terminated"))
        began = time.monotonic()
        what = f"{tier} {kind}"
        if kind == "stopped":
            asleep = self.random.uniform(2, 10)
            what += f" for {asleep:.0f} s"
            pids = signal_tier(pipeline, tier, signal.SIGSTOP)
            _wait_until(began + asleep)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            began = time.monotonic()
        else:
            signal_tier(pipeline, tier, signal.SIGKILL if kind == "killed" else signal.SIGTERM)
        eventually(
            lambda: is_visible_since(pipeline, clients, began),
            within=RECOVERY_SECONDS,
            what=f"events flow again after {what}",
        )
        took = time.monotonic() - began
        _say(f"{what}: recovered in {took:.1f} s, {clients.accepted()} accepted so far")
        return took


def _judge(
    pipeline: Pipeline, clients: Clients, found: list[float], memory: Memory, began: float
) -> bool:
    ended = time.monotonic()
    eventually(
        lambda: undelivered(pipeline),
        until=lambda left: not left,
        within=DRAIN_SECONDS,
        what="everything is processed and stored",
    )
    drained = time.monotonic()
    final, plain = seen(pipeline.clickhouse, "FINAL"), seen(pipeline.clickhouse)
    broken, figures = broken_sessions(pipeline.clickhouse), clients.figures
    worst = max(found, default=0.0)
    total = Figures(
        fault="soak",
        what=f"in all, {len(found)} faults",
        sent=clients.total,
        accepted=clients.accepted(),
        stored=len(final),
        doubled=sum(final.values()) - len(final),
        dead=dead(pipeline.clickhouse),
        recovery=worst,
        note=f"the longest recovery; {sum(plain.values()) - len(final)} doubled without FINAL, "
        f"{dict(figures.retries)} retried, drained in {drained - ended:.1f} s",
    )
    for line in table([total]):
        _say(line)
    missing = sorted(set(range(clients.total)) - final.keys())
    flat = _flat(memory, began, ended)
    audit = pipeline.headrace("audit", "--since", "12h", "--format", "json")
    lost = json.loads(audit.stdout)["missing"] if audit.stdout else audit.stderr
    _say(f"lost {len(missing)} {missing[:10]}, audit says {lost}, broken sessions {len(broken)}")
    _say(f"refused: {figures.refusals[:3]}")
    wrong = missing or total.doubled or total.dead or broken or lost or figures.refusals
    return flat and not wrong


def _flat(memory: Memory, began: float, ended: float) -> bool:
    flat = True
    for tier, first, last, most in memory.report(began, ended):
        grown = last > first * GROWTH + SLACK_MB
        flat = flat and not grown
        _say(
            f"memory of {tier}: {first:.0f} MB at the start, {last:.0f} MB at the end, "
            f"{most:.0f} MB at most{' GROWN' if grown else ''}"
        )
    return flat


def _wait_until(moment: float) -> None:
    threading.Event().wait(max(0.0, moment - time.monotonic()))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command's output


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=600, help="how long events are sent")
    parser.add_argument("--rate", type=int, default=300, help="events a second")
    parser.add_argument("--every", type=float, default=20.0, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    given = parser.parse_args()
    _say(f"{given.seconds} s of {given.rate} events/s, seed {given.seed}")
    soak = Soak(given.seconds, given.rate, given.every, Random(given.seed))  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="headrace-soak-") as directory:
        well = soak.run(Path(directory))
    _say("all is well" if well else "something is wrong")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
