"""Events into source `demo`, the way EventBunker's clients send them: one a request."""

from tests.system.client import Answer, Client
from tests.system.pipeline import Pipeline

KEY_HEADER = "x-eventbunker-write-key"


def post_event(pipeline: Pipeline, name: str, client: Client | None = None) -> Answer:
    """Send one event called `name` with the write key that `headrace up` printed."""
    return (client or pipeline.client).post_json(
        "/post", {"event_name": name}, x_eventbunker_write_key=pipeline.demo_key
    )


def count_events(pipeline: Pipeline, name: str) -> int:
    """How many events called `name` are in ClickHouse."""
    (row,) = pipeline.sql(
        "SELECT count() AS found FROM headrace.events FINAL WHERE event_type = {name:String}",
        name=name,
    )
    return int(row["found"])
