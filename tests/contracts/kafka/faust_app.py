"""A Faust app that counts words in a table: `faust_app ADDRESS NAME TOPIC PARTITIONS DIRECTORY`."""

import socket
import sys
from contextlib import closing

import faust


def free_port() -> int:
    with closing(socket.socket()) as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def build(address: str, name: str, topic: str, partitions: str, directory: str) -> faust.App:
    app = faust.App(
        name,
        broker=f"kafka://{address}",
        store="memory://",
        topic_partitions=int(partitions),
        topic_replication_factor=1,
        datadir=directory,
        broker_commit_interval=0.25,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        # bound even when the web server is off
        web_port=free_port(),
    )
    words = app.topic(topic, value_serializer="raw")
    counts = app.Table("counts", default=int, partitions=int(partitions), key_type=str)

    @app.agent(words, concurrency=1)
    async def count(stream: faust.StreamT[bytes]) -> None:
        async for word in stream:
            counts[word.decode()] += 1

    return app


if __name__ == "__main__":
    app = build(*sys.argv[1:])
    sys.argv = [sys.argv[0], "worker", "--loglevel=info"]
    app.main()
