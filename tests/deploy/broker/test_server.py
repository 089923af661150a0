import asyncio
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from deploy.local.broker.identity import Identity
from deploy.local.broker.server import (
    Broker,
    BrokerConfig,
    DataDirectoryForeign,
    DataDirectoryLocked,
    serve,
)
from tests.deploy.broker.building import (
    RawClient,
    batch,
    offsets,
    produce_body,
    produce_result,
    until,
)


def _config(data: Path) -> BrokerConfig:
    return BrokerConfig(data=data, port=0)


async def _serve_once(config: BrokerConfig) -> int:
    """Start, write one record, stop; returns its offset."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    running = asyncio.create_task(serve(config, ready=port.set_result, stop=stop))
    client = await RawClient.connect(await port)
    client.send(3, 0, b"\x00\x00\x00\x00")
    await client.answer()
    name = b"\x00\x01t" + b"\x00\x00\x00\x01\x00\x01" + b"\x00\x00\x00\x00" * 2
    client.send(19, 0, b"\x00\x00\x00\x01" + name + b"\x00\x00\x03\xe8")
    await client.answer()
    client.send(0, 7, produce_body("t", batch()))
    code, offset = produce_result((await client.answer())[1], "t")
    assert code == 0
    stop.set()
    await running
    assert await client.is_closed()
    await client.close()
    return offset


async def test_records_survive_a_stop(tmp_path: Path) -> None:
    assert [await _serve_once(_config(tmp_path)) for _ in range(3)] == [0, 1, 2]


def test_it_runs_on_uvloop(tmp_path: Path) -> None:
    assert uvloop.run(_serve_once(_config(tmp_path))) == 0


async def test_one_broker_per_directory(tmp_path: Path) -> None:
    first = Broker(_config(tmp_path))
    await first.start()
    with pytest.raises(DataDirectoryLocked, match=r"stop that one, or choose another"):
        await Broker(_config(tmp_path)).start()
    await first.stop()
    again = Broker(_config(tmp_path))
    await again.start()
    await again.stop()


async def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, sys, pathlib\n"
        "from deploy.local.broker.server import Broker, BrokerConfig\n"
        "async def main():\n"
        "    await Broker(BrokerConfig(data=pathlib.Path(sys.argv[1]), port=0)).start()\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path))
    assert await killed.wait() == -9
    broker = Broker(_config(tmp_path))
    await broker.start()
    await broker.stop()


async def test_a_taken_port_is_the_callers_to_report(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = replace(_config(tmp_path), port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            await Broker(config).start()
    free = Broker(_config(tmp_path))
    await free.start()
    await free.stop()


async def test_data_of_another_format_is_left_alone(tmp_path: Path) -> None:
    meta = tmp_path / "meta.json"
    meta.write_bytes(b'{"format": 99}')
    with pytest.raises(DataDirectoryForeign, match="format 99"):
        await Broker(_config(tmp_path)).start()
    assert meta.read_bytes() == b'{"format": 99}'


async def test_a_stopped_broker_says_so(tmp_path: Path) -> None:
    broker = Broker(_config(tmp_path))
    with pytest.raises(RuntimeError, match="await start"):
        _ = broker.port
    await broker.stop()


async def test_a_topic_is_made_to_the_end_though_its_client_left(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await RawClient.connect(broker.port)
    name = b"\x00\x01t" + b"\x00\x00\x00\x02\x00\x01" + b"\x00\x00\x00\x00" * 2
    client.send(19, 0, b"\x00\x00\x00\x01" + name + b"\x00\x00\x03\xe8")
    await client.writer.drain()
    await client.close()
    await until(lambda: broker.state.topics.find("t"))
    assert offsets(broker.state.topics.log("t", 1)) == []


def test_producer_ids_are_never_given_twice(tmp_path: Path) -> None:
    first = Identity(tmp_path)
    given = [first.new_producer_id() for _ in range(1_500)]
    second = Identity(tmp_path)
    assert second.cluster_id == first.cluster_id
    given += [second.new_producer_id() for _ in range(10)]
    assert len(set(given)) == len(given)
