"""How a cluster that is somebody else's is reached: addresses, certificates, passwords."""

import ssl
import tempfile
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from deploy.sealing import unseal
from deploy.settings import Settings
from schemas.errors import Malformed
from schemas.kafka_topics import KafkaTopic
from schemas.sources import Source

_FETCH_BYTES: Final = 8 << 20
_POLL_INTERVAL_MS: Final = 86_400_000
"""An import that waits for the tiers is not one that hangs."""


def consumer_of(settings: Settings, source: Source, topic: KafkaTopic, **more: Any) -> Any:
    """Make a consumer, not started yet, that commits only when told to.

    Raises:
        Malformed: ``secret-unreadable``, ``certificate-invalid``.
    """
    return AIOKafkaConsumer(
        bootstrap_servers=servers_of(settings, topic),
        client_id=f"{settings.prefix}-bridge",
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_bytes=_FETCH_BYTES,
        max_poll_interval_ms=_POLL_INTERVAL_MS,
        **access(settings, source, topic),
        **more,
    )


def servers_of(settings: Settings, topic: KafkaTopic) -> str:
    """Tell where the cluster is."""
    return topic.servers or settings.kafka


def group_of(settings: Settings, source: Source, topic: KafkaTopic) -> str:
    """Name the consumer group: one of each source, whichever worker reads."""
    return topic.group or f"{settings.prefix}-bridge-{source.id}"


def access(settings: Settings, source: Source, topic: KafkaTopic) -> dict[str, Any]:
    """Options of a client that say who it is and whom it believes.

    Raises:
        Malformed: ``secret-unreadable``, ``certificate-invalid``.
    """
    found: dict[str, Any] = {}
    if topic.tls:
        found["ssl_context"] = _context(topic, secret(settings, source, topic, "key"))
    if topic.sasl:
        found["sasl_mechanism"] = topic.sasl
        found["sasl_plain_username"] = topic.username
        found["sasl_plain_password"] = secret(settings, source, topic, "password")
    kind = "SSL" if topic.tls else "PLAINTEXT"
    found["security_protocol"] = f"SASL_{kind}" if topic.sasl else kind
    return found


def secret(settings: Settings, source: Source, topic: KafkaTopic, name: str) -> str:
    """Unseal a secret, "" where there is none; Malformed ``secret-unreadable``."""
    sealed = getattr(topic, name)
    return unseal(settings.ids(), sealed, source.id, name) if sealed else ""


def _context(topic: KafkaTopic, key: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=topic.ca or None)
        if topic.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as held:  # only its owner reads it
                held.write(f"{topic.certificate}\n{key}\n")
                held.flush()
                context.load_cert_chain(Path(held.name))
    except (ssl.SSLError, ValueError, OSError) as error:
        message = f"ca, certificate or key cannot be used: {error}"
        raise Malformed("certificate-invalid", message) from error
    return context
