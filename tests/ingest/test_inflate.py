import contextlib
import gc
import gzip
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cramjam
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.inflate import inflate
from schemas.errors import Malformed

LIMIT = 1 << 20


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


MAGIC = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78")
Compress = Callable[[bytes], bytes]
CODECS: list[tuple[str, Compress]] = [
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    (" GZIP ", gzip.compress),
    ("", gzip.compress),
    ("identity", gzip.compress),
    ("", zlib.compress),
    ("", lambda data: bytes(cramjam.zstd.compress(data))),
    ("deflate", gzip.compress),
    ("gzip", zlib.compress),
    ("br", gzip.compress),
    ("gzip, deflate", lambda data: zlib.compress(gzip.compress(data))),
    ("br,gzip", lambda data: gzip.compress(bytes(cramjam.brotli.compress(data, level=1)))),
    ("gzip", lambda data: gzip.compress(gzip.compress(data))),
    ("utf-8", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", lambda data: bytes(cramjam.zstd.compress(data))),
    ("br", lambda data: bytes(cramjam.brotli.compress(data, level=1))),
]
each_codec = pytest.mark.parametrize(
    ("encoding", "compress"),
    CODECS,
    ids=[f"{name or 'none'}-{n}" for n, (name, _) in enumerate(CODECS)],
)
each_labelled = pytest.mark.parametrize(
    ("encoding", "compress"),
    [codec for codec in CODECS if codec[0] not in {"", "identity"}],
)


def code_of(body: bytes, encoding: str, limit: int = LIMIT) -> tuple[str, int]:
    with pytest.raises(Malformed) as caught:
        inflate(body, encoding, limit)
    return caught.value.code, caught.value.status


@each_codec
@given(data=st.binary(max_size=5000))
def test_what_was_compressed_comes_back(encoding: str, compress: Compress, data: bytes) -> None:
    assume(not data.startswith(MAGIC))
    assert inflate(compress(data), encoding, LIMIT) == data


@each_codec
def test_the_bound_itself_is_allowed_and_one_more_is_not(encoding: str, compress: Compress) -> None:
    body = compress(b"x" * 1000)
    assert inflate(body, encoding, 1000) == b"x" * 1000
    assert code_of(body, encoding, 999) == ("body-too-large", 413)


def peak_kib() -> int:
    """The most memory this process has held since the last reset, whoever allocated it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@each_codec
def test_a_bomb_costs_no_more_memory_than_the_bound(encoding: str, compress: Compress) -> None:
    bomb = compress(b"\x00" * (96 << 20))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = peak_kib()
    assert code_of(bomb, encoding) == ("body-too-large", 413)
    # zstd and brotli keep a window of their own beside the output: 8 and 16 MiB at most
    assert peak_kib() - before < 32 << 10


@each_labelled
def test_a_body_cut_short_is_refused(encoding: str, compress: Compress) -> None:
    assert code_of(compress(b"0123456789" * 100)[:-5], encoding) == ("inflate-failed", 400)


@each_labelled
@given(body=st.binary(min_size=1, max_size=300))
def test_any_bytes_are_inflated_or_refused(encoding: str, compress: Compress, body: bytes) -> None:
    with contextlib.suppress(Malformed):
        inflate(body, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate", "zstd", "br"])
def test_no_body_is_no_body_whatever_it_is_called(encoding: str) -> None:
    assert inflate(b"", encoding, LIMIT) == b""


def test_members_and_padding_of_gzip_belong_together() -> None:
    body = gzip.compress(b"[1,") + gzip.compress(b"2]") + b"\x00" * 7
    assert inflate(body, "gzip", LIMIT) == b"[1,2]"
    assert code_of(body, "gzip", 4) == ("body-too-large", 413)


def test_a_crowd_of_empty_members_is_refused() -> None:
    assert code_of(gzip.compress(b"") * 1000, "gzip") == ("inflate-failed", 400)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"{}", mtime=0) + b"tail", "gzip"),
        (zlib.compress(b"{}") + b"tail", "deflate"),
        (b"a=1", "gzip"),
        (b"a=1&b=2", "deflate"),
    ],
)
def test_bytes_that_do_not_belong_are_refused(body: bytes, encoding: str) -> None:
    assert code_of(body, encoding) == ("inflate-failed", 400)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, br", "utf-8"])
@pytest.mark.parametrize("body", [b'{"plain": true}', b' \r\n[{"plain": true}]'])
def test_what_a_proxy_inflated_may_keep_its_label(body: bytes, encoding: str) -> None:
    assert inflate(body, encoding, LIMIT) == body


@pytest.mark.parametrize("encoding", ["compress", "snappy", "br, br, br, br"])
def test_unknown_encodings_are_named(encoding: str) -> None:
    assert code_of(b"a=1", encoding) == ("encoding-unsupported", 415)


def test_layers_without_end_are_not_undone() -> None:
    body = b"a=1"
    for _ in range(9):
        body = gzip.compress(body)
    assert inflate(body, ",".join(["gzip"] * 9), LIMIT).startswith(MAGIC)


def test_plain_bodies_pass_uncopied() -> None:
    body = b'{"a":1}'
    assert inflate(body, "", LIMIT) is body
