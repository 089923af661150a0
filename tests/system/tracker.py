"""What a page with Tracardi's tracker does: it sends events of a session and reads whose it is."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.system.client import Client
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline, Row

STORED_SECONDS = 60.0
Json = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """An answer; `whole` is all of it."""

    profile: str | None
    session: str | None
    whole: Json


def new_session() -> str:
    return f"session-{uuid4()}"


class Tracker:
    """Sends to one source of a pipeline, over a connection of its own."""

    def __init__(self, pipeline: Pipeline, source_id: str) -> None:
        self._source_id = source_id
        self._client = Client(pipeline.url)

    def track(
        self,
        session: str | None,
        profile: str | None = None,
        *,
        events: tuple[str, ...] = ("seen",),
        profile_less: bool = False,
        **payload: Any,
    ) -> Told:
        """Send events; what is not named by a parameter goes into the payload as it is."""
        body: Json = {"source": {"id": self._source_id}, **payload}
        body |= {"events": [{"type": event} for event in events]}
        if session is not None:
            body["session"] = {"id": session}
        if profile is not None:
            body["profile"] = {"id": profile}
        answer = self._client.post_json(
            "/track?profile_less=true" if profile_less else "/track", body
        )
        assert answer.status == 200, answer.body
        said = answer.json
        return Told(said["profile"]["id"], said["session"]["id"], said)

    def profile(self) -> str:
        """A profile that the pipeline knows, of a session that ends with this."""
        told = self.track(new_session())
        assert told.profile is not None
        return told.profile

    def close(self) -> None:
        self._client.close()


def stored(pipeline: Pipeline, session: str, count: int) -> list[Row]:
    """Wait for the rows of a session, in the order in which they were received."""
    rows = eventually(
        lambda: pipeline.sql(
            "SELECT * FROM headrace.events FINAL WHERE session_id = {session:String} "
            "ORDER BY received_at",
            session=session,
        ),
        until=lambda found: len(found) >= count,
        within=STORED_SECONDS,
        what=f"{count} events of {session} are stored",
    )
    assert len(rows) == count
    return rows


def profiles(rows: list[Row]) -> list[str]:
    return [row["profile_id"] for row in rows]
