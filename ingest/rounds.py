"""The round trip to the processors and back, for what only they know; bounded in time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from ingest.tally import Tally
from schemas.answers import Ask, Told

_ASKED: Final = "headrace_ingest_asked_total"


class Expected(Protocol):
    """Answers that are waited for."""

    @property
    def ask(self) -> str:
        """What the raw events carry."""

    async def wait(self, seconds: float) -> Mapping[str, Told]:
        """Return all answers, or those that came within so many seconds, by event id."""


class Answers(Protocol):
    """Where the processors' answers come in."""

    @property
    def trouble(self) -> str:
        """Why no answer can be heard at present; "" when it can."""

    @property
    def heard(self) -> int:
        """Number of records with answers so far, whoever they were for."""

    def expect(self, count: int) -> AbstractContextManager[Expected]:
        """Prepare to hear ``count`` answers, one for each event."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited; all in seconds.

    Attributes:
        profile, debug: for answers about that.
        pause: without waiting about profiles after an answer that did not come in time, unless
            one comes: workers that share out their partitions anew are silent for seconds.
        memory: a session's profile is remembered.
        sessions: number of them remembered at most; some 300 bytes each.
    """

    profile: float = 2.0
    debug: float = 3.0
    pause: float = 5.0
    memory: float = 1800.0
    sessions: int = 100_000


class Sessions:
    """Whose sessions are, as the processors said; the one unused for longest is forgotten first."""

    def __init__(self, seconds: float, most: int) -> None:
        self._ms = int(seconds * 1000)
        self._most = most
        self._known: OrderedDict[tuple[str, str], tuple[str, int]] = OrderedDict()

    def learn(self, source_id: str, session_id: str, profile_id: str, now: int) -> None:
        """Remember a profile, unless it is ""; ``now`` is Unix ms."""
        if not profile_id:
            return
        self._known[source_id, session_id] = (profile_id, now + self._ms)
        self._known.move_to_end((source_id, session_id))
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, source_id: str, session_id: str) -> None:
        """Remember nothing of a session."""
        self._known.pop((source_id, session_id), None)

    def whose(self, source_id: str, session_id: str, now: int) -> str:
        """Name the session's profile; "" when it is not known."""
        profile_id, until = self._known.get((source_id, session_id), ("", 0))
        if until <= now:
            self._known.pop((source_id, session_id), None)
            return ""
        self._known.move_to_end((source_id, session_id))
        return profile_id


class Rounds:
    """Asks the processors, remembers what they say, and does without when they are slow.

    A time-out never fails a request, for its events are published already.

    Args:
        resolve: names the profile that goes on for another.
    """

    def __init__(
        self,
        answers: Answers | None,
        *,
        resolve: Callable[[str], str],
        tally: Tally,
        patience: Patience,
    ) -> None:
        self._answers = answers
        self._resolve = resolve
        self._tally = tally
        self._patience = patience
        self._sessions = Sessions(patience.memory, patience.sessions)
        self._beliefs = Sessions(patience.memory, patience.sessions // 10)
        self._paused_until = 0.0
        self._heard = 0

    def expect(
        self, source_id: str, ask: Ask, count: int, now: int
    ) -> AbstractContextManager[Expected] | None:
        """Prepare to hear what became of ``count`` events; None where nothing is to be waited for.

        Args:
            now: Unix ms.
        """
        if ask.anew:
            self._sessions.forget(source_id, ask.subject)
            self._beliefs.forget(source_id, ask.subject)
        answers = self._answers
        if answers is None or answers.trouble or not count:
            return None
        if ask.about == "debug":
            return answers.expect(count)
        if self._paused(answers) or self._sessions.whose(source_id, ask.subject, now):
            return None
        return answers.expect(1)

    def _paused(self, answers: Answers) -> bool:
        quiet = answers.heard == self._heard
        return quiet and asyncio.get_running_loop().time() < self._paused_until

    def remembered(self, source_id: str, ask: Ask, event_id: str, now: int) -> tuple[Told, ...]:
        """Tell without asking: whose the session was the last time, through all merges since."""
        known = ""
        if ask.about == "profile":
            known = self._sessions.whose(source_id, ask.subject, now)
        self._count("cached" if known else "skipped")
        if not known:
            return ()
        profile_id = self._resolve(known)
        return (Told("", event_id, profile_id=profile_id, session_id=ask.subject),)

    def believed(self, source_id: str, ask: Ask, now: int) -> str:
        """Say the same of a session as the last time that nobody answered; "" for no opinion.

        A session keeps the profile that it began with, so the first guess is the likeliest.
        """
        if ask.guess is None:
            return ""
        profile_id = self._beliefs.whose(source_id, ask.subject, now)
        if not profile_id:
            profile_id = ask.guess()
            self._beliefs.learn(source_id, ask.subject, profile_id, now)
        return self._resolve(profile_id)

    async def hear(
        self, source_id: str, ask: Ask, event_ids: tuple[str, ...], now: int, expected: Expected
    ) -> tuple[Told, ...]:
        """Wait for the answers; those that came, in the order of the events."""
        patience = self._patience
        debug = ask.about == "debug"
        told = await expected.wait(patience.debug if debug else patience.profile)
        complete = len(told) >= (len(event_ids) if debug else 1)
        self._count("told" if complete else "late")
        if not complete and not debug and self._answers is not None:
            self._heard = self._answers.heard
            self._paused_until = asyncio.get_running_loop().time() + patience.pause
        if not debug:
            for answer in told.values():
                self._sessions.learn(source_id, ask.subject, answer.profile_id, now)
                self._beliefs.forget(source_id, ask.subject)
        return tuple(told[event_id] for event_id in event_ids if event_id in told)

    def _count(self, outcome: str) -> None:
        self._tally.add(_ASKED, (("outcome", outcome),))
