"""Bodies compressed in every way that clients do, and in ways that are an attack."""

import gzip
import json
import zlib
from collections.abc import Callable

import cramjam
import pytest

from tests.system.client import Answer
from tests.system.demo import KEY_HEADER, count_events
from tests.system.eventually import eventually
from tests.system.pipeline import Pipeline

pytestmark = pytest.mark.system

STORED_SECONDS = 60.0
BOMB_BYTES = 100 << 20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip-unlabelled": ("", gzip.compress),
    "gzip-kept-label": ("gzip", bytes),
    "deflate": ("deflate", zlib.compress),
    "deflate-without-wrapper": ("deflate", raw_deflate),
    "br": ("br", lambda data: bytes(cramjam.brotli.compress(data))),
    "zstd": ("zstd", lambda data: bytes(cramjam.zstd.compress(data))),
    "two-layers": ("gzip, deflate", lambda data: zlib.compress(gzip.compress(data))),
}


def post(pipeline: Pipeline, coding: str, body: bytes) -> Answer:
    headers = [(KEY_HEADER, pipeline.demo_key)]
    if coding:
        headers.append(("Content-Encoding", coding))
    return pipeline.client.send("POST", "/post", headers, body)


def test_every_coding_becomes_the_same_row(pipeline: Pipeline) -> None:
    for name, (coding, compress) in CODINGS.items():
        body = json.dumps({"event_name": f"coded-{name}", "text": "é" * 1000}).encode()
        assert post(pipeline, coding, compress(body)).status == 200, name
    for name in CODINGS:
        eventually(
            lambda name=name: count_events(pipeline, f"coded-{name}"),  # type: ignore[misc]
            within=STORED_SECONDS,
            what=f"{name} is stored",
        )


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "two-layers"])
def test_a_bomb_is_refused(pipeline: Pipeline, name: str) -> None:
    coding, compress = CODINGS[name]
    answer = post(pipeline, coding, compress(b"[" * BOMB_BYTES))
    assert answer.status == 413, answer.body


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_torn_body_is_refused(pipeline: Pipeline, name: str) -> None:
    coding, compress = CODINGS[name]
    answer = post(pipeline, coding, compress(b'{"event_name": "torn"}' * 50)[:-9])
    assert answer.status == 400, answer.body


def test_an_unknown_coding_is_refused_by_name(pipeline: Pipeline) -> None:
    answer = post(pipeline, "snappy", b"\x06\x14hello")
    assert answer.status == 415
    assert b"snappy" in answer.body
