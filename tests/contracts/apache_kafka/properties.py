"""The settings Apache Kafka runs with in tests: one node, small, and quick to tidy up.

Names and defaults: Apache Kafka's documentation, "Broker Configs".
"""

from collections.abc import Mapping

MAX_MESSAGE_BYTES = 4 << 20

# what the laws lean on; the rest of the broker is as Apache ships it
BEHAVIOUR: Mapping[str, str] = {
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MAX_MESSAGE_BYTES),
    "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
    # one node can hold one replica
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # few internal partitions: a restart opens all of them
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # a test waits for these, so they are short
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.initial.task.delay.ms": "500",
    "log.retention.check.interval.ms": "500",
    "log.segment.delete.delay.ms": "500",
    "log.cleaner.backoff.ms": "500",
    # a node killed a moment ago may register again at once
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # fits a 512 MiB heap and two cores
    "log.cleaner.dedupe.buffer.size": str(8 << 20),
    "num.io.threads": "4",
    "num.network.threads": "2",
}


def single_node(
    *,
    listen: str,
    advertised: str,
    controller: str,
    directory: str,
    guarded: str = "",
) -> dict[str, str]:
    """Return a whole server.properties for a node that is broker and controller at once.

    `listen`, `advertised`, `controller` and, with SASL over TLS, `guarded` are `host:port`;
    `directory` is the log directory.
    """
    door = f",GUARDED://{guarded}" if guarded else ""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{controller}{door}",
        "advertised.listeners": f"PLAINTEXT://{advertised}{door}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
        "GUARDED:SASL_SSL",
        "log.dirs": directory,
        **BEHAVIOUR,
    }


def as_file(properties: Mapping[str, str]) -> str:
    """Return the text of a Java properties file."""
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def as_container_environment(properties: Mapping[str, str]) -> dict[str, str]:
    """Return the same settings as the official container image reads them (KIP-975)."""
    return {
        "KAFKA_" + name.upper().replace("_", "__").replace("-", "___").replace(".", "_"): value
        for name, value in properties.items()
    }
