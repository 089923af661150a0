"""Sources that tests create become known to the ingest in their own time."""

from typing import Any

from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline

_SOURCE_SECONDS = 30.0


def let_in(pipeline: Pipeline, path: str, nothing: Any) -> None:
    """Wait until a new source is known, by sending it a request without events."""
    eventually(
        lambda: pipeline.client.post_json(path, nothing).status,
        until=lambda status: status == 200,
        within=_SOURCE_SECONDS,
        what=f"the source of {nothing} is known",
    )
