"""What an event source is made of: its keys, its links, its limits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Bridge = Literal["rest", "webhook", "redirect", "import", "kafka"]
KeyType = Literal["write", "query", "delete", "master"]
IpPolicy = Literal["keep", "truncate", "drop"]

BRIDGES: Final = ("rest", "webhook", "redirect", "import", "kafka")
KEY_TYPES: Final = ("write", "query", "delete", "master")
IP_POLICIES: Final = ("keep", "truncate", "drop")


def hash_key(key: str) -> str:
    """Hash a key for keeping: plain SHA-256, since keys are 256 random bits, not passwords."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: never in clear.

    Attributes:
        type: ``master`` may do what the others may, and add to a frozen schema.
        customer: the only customer identifier it may write, read or delete; "" for all.
        created_at, expires_at: Unix ms; it is refused from ``expires_at`` on, 0 for never. A
            rotation gives the old key some time to be replaced everywhere.
    """

    id: str
    type: KeyType
    hash: str = field(repr=False)
    created_at: int = 0
    expires_at: int = 0
    customer: str = ""
    name: str = ""

    def may(self, needed: KeyType) -> bool:
        """Tell whether the key is of the needed type, or stands above it."""
        return self.type == needed or self.type == "master"  # noqa: PLR1714 - no set per request


@dataclass(frozen=True, slots=True)
class Redirect:
    """A link that is an event: a visit is recorded, then sent on (Tracardi's redirect).

    Attributes:
        id: last part of ``/redirect/{id}``; one in the whole installation.
        url: where visitors are sent.
        event_type: of the recorded event.
        props: template of its properties; texts such as ``payload@params.KEY``,
            ``payload@body.KEY`` and ``session@id`` are replaced, everything else is kept.
    """

    id: str
    url: str
    event_type: str
    name: str = ""
    props: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request of a source may weigh, and how often one may come.

    Attributes:
        requests_per_second: of one ingest process, 0 for any number.
    """

    body_bytes: int = 5 << 20
    events_per_request: int = 10_000
    requests_per_second: int = 0
