import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import forms
from schemas.errors import Malformed
from schemas.reading import MAX_KEYS


def test_urlencoded_fields() -> None:
    assert forms.urlencoded(b"a=1&b=x+y%20z&a=2&a=3&empty=&c") == {
        "a": ["1", "2", "3"],
        "b": "x y z",
        "empty": "",
        "c": "",
    }


def test_bytes_that_are_no_utf8_are_marked() -> None:
    assert forms.urlencoded(b"a=\xff%FF") == {"a": "\ufffd\ufffd"}


def test_fields_are_bounded() -> None:
    with pytest.raises(Malformed) as caught:
        forms.urlencoded(b"&".join(b"a%d=1" % n for n in range(MAX_KEYS + 1)))
    assert caught.value.code == "too-many-keys"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"a=1", True),
        (b"a=1&b[c]=2\r\n", True),
        (b"a", False),
        (b"=1", False),
        (b'{"a"=1}', False),
        (b"a = 1", False),
        (b"a=\xff", False),
        (b"", False),
    ],
)
def test_what_reads_like_a_form(body: bytes, answer: bool) -> None:
    assert forms.looks_urlencoded(body) is answer


@pytest.mark.parametrize(
    ("label", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; BOUNDARY="a b"', b"a b"),
        ("multipart/form-data", b""),
        ("multipart/mixed; boundary=abc", b""),
        ("application/json", b""),
    ],
)
def test_boundary(label: str, boundary: bytes) -> None:
    assert forms.boundary_of(label) == boundary


def part(name: bytes, content: bytes, boundary: bytes = b"XX") -> bytes:
    head = b'Content-Disposition: form-data; name="%b"' % name
    return b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, head, content)


def test_multipart_fields_and_files() -> None:
    file = (
        b'--XX\r\nContent-Disposition: form-data; filename="name.txt"; name=doc\r\n'
        b"Content-Type: text/plain\r\n\r\nline 1\r\n--X\r\nline 2\r\n"
    )
    body = part(b"a", b"1") + part(b"b", "é".encode()) + part(b"a", b"2") + file + b"--XX--\r\n"
    assert forms.multipart(body, b"XX") == {
        "a": ["1", "2"],
        "b": "é",
        "doc": "line 1\r\n--X\r\nline 2",
    }


def test_an_empty_multipart_form_has_no_fields() -> None:
    assert forms.multipart(b"--XX--\r\n", b"XX") == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"a=1",
        part(b"a", b"1"),
        b"junk\r\n" + part(b"a", b"1") + b"--XX--",
        b"--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n--XX--",
        b"--XX\r\n--XX--",
    ],
)
def test_a_torn_or_nameless_part_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        forms.multipart(body, b"XX")
    assert caught.value.code == "form-invalid"


def test_parts_are_bounded() -> None:
    body = b"".join(part(b"a%d" % n, b"1") for n in range(MAX_KEYS + 1)) + b"--XX--"
    with pytest.raises(Malformed) as caught:
        forms.multipart(body, b"XX")
    assert caught.value.code == "too-many-keys"


@given(st.binary(), st.binary(min_size=1, max_size=5))
def test_arbitrary_bytes_are_fields_or_malformed(body: bytes, boundary: bytes) -> None:
    assert isinstance(forms.urlencoded(body), dict)
    try:
        forms.multipart(b"--" + boundary + body, boundary)
    except Malformed as error:
        outcome = error.code
    else:
        outcome = "read"
    assert outcome in {"form-invalid", "read"}
