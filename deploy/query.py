"""``headrace query``: SQL against the ClickHouse of the settings."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from deploy.settings import SettingError


def run_query(
    address: str, sql: str, output_format: str, parameters: Mapping[str, Any] | None = None
) -> bytes:
    """Run one statement; answer ClickHouse's output in the format asked for.

    Args:
        parameters: values of ``{name:Type}`` in the statement.

    Raises:
        SettingError: ClickHouse does not answer, or refuses the statement.
    """
    parts = urlsplit(address)
    try:
        client = clickhouse_connect.get_client(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or (8443 if parts.scheme == "https" else 8123),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=parts.scheme == "https",
            database="default",
            autogenerate_session_id=False,
        )
    except ClickHouseError as error:
        raise SettingError(
            f"ClickHouse does not answer at {parts.hostname}:{parts.port} ({error}): "
            "start `headrace up`, or set HEADRACE_CLICKHOUSE"
        ) from error
    try:
        return bytes(client.raw_query(sql, dict(parameters or {}), fmt=output_format))
    except ClickHouseError as error:
        raise SettingError(str(error)) from error
    finally:
        client.close()
