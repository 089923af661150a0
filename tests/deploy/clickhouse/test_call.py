"""What is read of a request's parameters."""

from collections.abc import Mapping

import pytest

from deploy.local.clickhouse.access import User
from deploy.local.clickhouse.call import Call, form_fields, read_call
from deploy.local.clickhouse.errors import ClickHouseError, from_engine

USER = User("default", reads_only=True)


def _read(headers: Mapping[str, str], **params: str) -> Call:
    return read_call(USER, params.items(), headers, query_id="made-here", session_timeout_max=3600)


def test_what_is_not_of_http_is_a_setting() -> None:
    call = _read({}, query="q", max_threads="2", param_x="1", quota_key="k", role="r", database="d")
    assert call.settings == {"max_threads": "2"}
    assert call.params == {"x": "1"}
    assert (call.query, call.database, call.query_id) == ("q", "d", "made-here")


def test_headers_stand_in_for_parameters() -> None:
    headers = {"x-clickhouse-database": "d", "x-clickhouse-format": "CSV"}
    assert (_read(headers).database, _read(headers).default_format) == ("d", "CSV")
    assert _read(headers, database="e", default_format="TSV").database == "e"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"compress": "1"}, 48),
        ({"decompress": "1"}, 48),
        ({"session_timeout": "0"}, 374),
        ({"session_timeout": "3601"}, 374),
        ({"session_timeout": "-1"}, 374),
        ({"session_timeout": "x"}, 374),
        ({"a b": "1"}, 36),
        ({"a`": "1"}, 36),
        ({"query_id": "a\r\nb"}, 36),
        ({"query_id": "ü"}, 36),
        ({"default_format": "CSV\r\nX"}, 73),
        ({"default_format": "DataFrame"}, 73),
        ({"default_format": "arrowtable"}, 73),
    ],
)
def test_what_cannot_be(params: dict[str, str], code: int) -> None:
    with pytest.raises(ClickHouseError) as caught:
        _read({}, **params)
    assert caught.value.code == code


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\nSELECT {s:String}\r\n'
    b'--x\r\nContent-Disposition: form-data; name="param_s"\r\n\r\nit\'s \xc3\xbc\r\n--x--\r\n'
)


def test_form_fields() -> None:
    fields = form_fields("multipart/form-data; boundary=x", FORM)
    assert fields == {"query": "SELECT {s:String}", "param_s": "it's ü"}


def test_a_file_in_a_form_would_be_an_external_table() -> None:
    with_file = FORM.replace(b'name="param_s"', b'name="t"; filename="t"')
    with pytest.raises(ClickHouseError, match="External tables") as caught:
        form_fields("multipart/form-data; boundary=x", with_file)
    assert caught.value.code == 48


ENGINE_TEXTS = {
    "Code: 60. DB::Exception: Table t does not exist. (UNKNOWN_TABLE)": (60, "UNKNOWN_TABLE"),
    "Streaming insert finish failed: Code: 27. DB::Exception: Cannot parse: (at row 2)\n: While "
    "executing X. (CANNOT_PARSE_INPUT_ASSERTION_FAILED) (version 26.9.2.1)": (
        27,
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    ),
    "Code: 1. DB::Exception: Code: 73. DB::Exception: Unknown format x. (UNKNOWN_FORMAT) "
    "(version 26.9.2.1). (UNKNOWN_FORMAT)": (73, "UNKNOWN_FORMAT"),
    "something else": (1001, "STD_EXCEPTION"),
}


@pytest.mark.parametrize("text", ENGINE_TEXTS)
def test_errors_of_the_engine_are_unwrapped(text: str) -> None:
    error = from_engine(RuntimeError(text))
    code, name = ENGINE_TEXTS[text]
    assert (error.code, error.name) == (code, name)
    assert error.text.startswith(f"Code: {code}. DB::Exception: ")
    assert error.text.count("DB::Exception") == 1
    assert error.text.count(f"({name})") == 1
