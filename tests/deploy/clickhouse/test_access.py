"""Who is asking."""

from base64 import b64encode
from pathlib import Path

import pytest

from deploy.local.clickhouse.access import Access
from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.errors import ClickHouseError

ACCESS = Access(
    ClickHouseConfig(
        data=Path("unused"), writer_user="writer", writer_password="söcret", reader_password="open"
    )
)


def _basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(text.encode()).decode()}


def _own(name: str, key: str) -> dict[str, str]:
    """Header values as they arrive: bytes read as Latin-1."""
    return {"x-clickhouse-user": name, "x-clickhouse-key": key.encode().decode("latin-1")}


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        (_own("writer", "söcret"), {}),
        (_basic("writer:söcret"), {}),
        ({}, {"user": "writer", "password": "söcret"}),
    ],
)
def test_the_writer_by_each_way(headers: dict[str, str], params: dict[str, str]) -> None:
    user = ACCESS.authenticate(headers, params)
    assert (user.name, user.reads_only) == ("writer", False)


def test_the_reader_is_the_default_name() -> None:
    assert ACCESS.authenticate({"x-clickhouse-key": "open"}, {}).reads_only
    assert ACCESS.authenticate({}, {"password": "open"}).reads_only


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {}),
        ({}, {"user": "writer"}),
        (_own("writer", "open"), {}),
        (_basic("writer:"), {}),
        (_basic("nobody:open"), {}),
        ({"authorization": "Basic \u00e9"}, {}),
        ({"authorization": "Bearer x"}, {}),
        ({"x-clickhouse-user": "\xff", "x-clickhouse-key": "x"}, {}),
        (_own("writer", "söcret") | _basic("writer:söcret"), {}),
        (_own("writer", "söcret"), {"user": "writer", "password": "söcret"}),
    ],
)
def test_everything_else_is_516(headers: dict[str, str], params: dict[str, str]) -> None:
    with pytest.raises(ClickHouseError) as caught:
        ACCESS.authenticate(headers, params)
    assert (caught.value.code, caught.value.status) == (516, 403)
    assert "cret" not in caught.value.text


def test_a_configuration_does_not_show_its_passwords() -> None:
    config = ClickHouseConfig(data=Path("d"), writer_user="w", writer_password="hidden")
    assert "hidden" not in repr(config)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"writer_password": ""}, "needs a name and a password"),
        ({"writer_user": ""}, "needs a name and a password"),
        ({"writer_user": "default"}, "different names"),
        ({"data": Path("a?b")}, "path with"),
    ],
)
def test_a_configuration_that_cannot_work(changed: dict[str, object], sentence: str) -> None:
    given: dict[str, object] = {"data": Path("d"), "writer_user": "w", "writer_password": "p"}
    with pytest.raises(ValueError, match=sentence):
        ClickHouseConfig(**(given | changed))  # type: ignore[arg-type]
