"""A schema registry (Confluent's API): asked once for each schema that values name."""

import asyncio
import base64
import urllib.request
from typing import Any, Final
from urllib.error import HTTPError, URLError

from deploy.bridge.connect import secret
from deploy.bridge.values import Values
from deploy.settings import Settings
from schemas import codec
from schemas.avro import MAX_SCHEMA_BYTES
from schemas.errors import HeadraceError, Malformed, Unavailable
from schemas.kafka_topics import KafkaTopic
from schemas.sources import Source

_TIMEOUT_SECONDS: Final = 10.0
_NOT_FOUND: Final = 404


class SchemaRegistry:
    """Asks ``GET /schemas/ids/{id}``.

    Args:
        url: without a slash at its end; its user and password beside it, "" for none.
    """

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self._url = url.rstrip("/")
        self._turn = asyncio.Lock()
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if user:
            plain = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {plain}"

    async def schema(self, number: int) -> Any:
        """Ask for a schema.

        Raises:
            Malformed: ``schema-unknown``: the registry has none of that number, or not Avro.
            Unavailable: ``registry-unavailable``.
        """
        return await asyncio.to_thread(self._ask, number)

    async def teach(self, values: Values, value: bytes) -> None:
        """Bring the schema that a value needs, or why there is none; Unavailable as above."""
        async with self._turn:  # many values come at once, and one answer does for all
            number = values.needs(value)
            if number is not None:
                try:
                    values.learn(number, await self.schema(number))
                except Malformed as error:
                    values.doubt(number, error)

    def _ask(self, number: int) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the definition says http or https
            f"{self._url}/schemas/ids/{number}", headers=self._headers
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return _schema(answer.read(2 * MAX_SCHEMA_BYTES + 1))
        except HTTPError as error:
            error.close()
            if error.code == _NOT_FOUND:
                message = f"the registry has no schema {number}"
                raise Malformed("schema-unknown", message) from error
            raise _unavailable(f"answers {error.code} {error.reason}") from error
        except (URLError, OSError) as error:
            raise _unavailable(str(error)) from error
        except HeadraceError as error:
            raise Malformed("schema-unknown", f"schema {number}: {error.message}") from error


def registry_of(settings: Settings, source: Source, topic: KafkaTopic) -> SchemaRegistry | None:
    """Reach the registry of a topic's definition, if it names one.

    Raises:
        Malformed: ``secret-unreadable``.
    """
    if not topic.registry or topic.schema is not None:
        return None
    password = secret(settings, source, topic, "registry_password")
    return SchemaRegistry(topic.registry, topic.registry_username, password)


def _schema(answer: bytes) -> Any:
    said = codec.loads(answer)
    if type(said) is not dict or type(said.get("schema")) is not str:
        raise Malformed("schema-unknown", "the registry's answer has no schema")
    if said.get("schemaType", "AVRO") != "AVRO":
        raise Malformed("schema-unknown", f"it is {said['schemaType']}, not Avro")
    if said.get("references"):
        raise Malformed("schema-unknown", "it refers to other schemas: give it whole in `schema`")
    return codec.loads(said["schema"])


def _unavailable(why: str) -> Unavailable:
    return Unavailable("registry-unavailable", f"the schema registry {why}")
