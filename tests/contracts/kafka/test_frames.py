"""Bytes that are no request: the connection ends or says so, and nobody else notices."""

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.contracts.kafka.clients import read_all, send_values
from tests.contracts.real_kafka import RealKafka
from tests.contracts.wire import API_VERSIONS, answers, connect, read_frame, request

UNSUPPORTED_VERSION = 35
PRODUCE = 0
FETCH = 1
METADATA = 3
NO_SUCH_API = 9999
PATIENCE_SECONDS = 30.0


@contextmanager
def bystander(broker: RealKafka) -> Iterator[None]:
    """Someone connected before and during the mischief, served after it."""
    with connect(broker.address, PATIENCE_SECONDS) as connection:
        for correlation in (1, 2):
            connection.sendall(request(API_VERSIONS, 0, correlation))
            frame = read_frame(connection)
            assert frame is not None
            assert frame[:6] == struct.pack(">ih", correlation, 0)
            if correlation == 1:
                yield
    assert answers(broker.address)


def said(broker: RealKafka, data: bytes) -> bytes | None:
    """Send bytes; return the answer, or None when the broker hung up. Silence fails."""
    with connect(broker.address, PATIENCE_SECONDS) as connection:
        connection.sendall(data)
        return read_frame(connection)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", id="http"),
        pytest.param(b"\xff" * 64, id="a negative length"),
        pytest.param(struct.pack(">i", 2**31 - 1) + b"x" * 64, id="a huge length"),
        pytest.param(struct.pack(">i", 0), id="an empty request"),
        pytest.param(struct.pack(">i", 3) + b"\x00\x00\x00", id="half a header"),
        pytest.param(request(NO_SUCH_API, 0, 1), id="an unknown api"),
        pytest.param(request(PRODUCE, 99, 1), id="an unknown version of produce"),
        pytest.param(request(METADATA, 99, 1), id="an unknown version of metadata"),
        pytest.param(request(FETCH, -1, 1), id="a negative version"),
        pytest.param(request(PRODUCE, 7, 1, b"\xfe" * 40), id="a produce of noise"),
        pytest.param(
            request(PRODUCE, 7, 1, b"\xff" * 12),
            id="a produce with null for its topics",
            marks=pytest.mark.stand_in_differs("it answers that nothing was written, as is true"),
        ),
        pytest.param(request(METADATA, 4, 1, b"\x7f\xff\xff\xff"), id="an array beyond the frame"),
        pytest.param(request(METADATA, 4, 1), id="a body that is missing"),
    ],
)
def test_what_is_no_request_ends_the_connection(broker: RealKafka, data: bytes) -> None:
    with bystander(broker):
        assert said(broker, data) is None


def test_an_unknown_version_of_the_version_question_is_answered_in_version_0(
    broker: RealKafka,
) -> None:
    # how a newer client finds out what an older broker speaks (KIP-511); its header is v2,
    # which ends in a count of tagged fields
    with bystander(broker):
        frame = said(broker, request(API_VERSIONS, 99, 5, b"\x00"))
    assert frame is not None
    correlation, error, count = struct.unpack_from(">ihi", frame)
    assert (correlation, error) == (5, UNSUPPORTED_VERSION)
    offered = [struct.unpack_from(">hhh", frame, 10 + 6 * each) for each in range(count)]
    assert any(api == API_VERSIONS and low == 0 for api, low, _ in offered)


def test_a_request_may_come_byte_by_byte_and_two_at_once(broker: RealKafka) -> None:
    with connect(broker.address, PATIENCE_SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(API_VERSIONS, 0, 1):
            connection.sendall(bytes([byte]))
        connection.sendall(request(API_VERSIONS, 0, 2) + request(API_VERSIONS, 0, 3))
        frames = [read_frame(connection) for _ in range(3)]
    assert [frame and struct.unpack_from(">i", frame)[0] for frame in frames] == [1, 2, 3]


def test_half_a_request_and_a_hang_up_harm_nobody(broker: RealKafka) -> None:
    whole = request(METADATA, 4, 1, b"\x00" * 100)
    with bystander(broker):
        for size in (1, 4, 10, len(whole) - 1):
            with connect(broker.address) as connection:
                connection.sendall(whole[:size])


async def test_noise_in_every_api_harms_nobody(broker: RealKafka, topic: str) -> None:
    noise = random.Random(7)  # noqa: S311 - the same noise every time
    await send_values(broker, topic, b"before")
    with bystander(broker):
        for api in range(50):
            for version in (0, 2, 5):
                body = noise.randbytes(noise.randrange(60))
                with connect(broker.address, PATIENCE_SECONDS) as connection:
                    connection.sendall(request(api, version, 1, body))
    await send_values(broker, topic, b"after")
    assert [record.value for record in await read_all(broker, topic)] == [b"before", b"after"]
