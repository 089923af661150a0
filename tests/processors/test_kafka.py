"""What is mended in Faust is there to be mended: a new version must be looked at again."""

import inspect

import faust
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerFenced,
)
from faust.exceptions import ProducerSendError
from faust.tables import TableManager
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from processors import kafka
from processors.app import SETTINGS
from processors.states import Tables


def test_faust_is_the_version_that_was_read() -> None:
    assert faust.__version__ == "0.15.3"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (kafka.ConsumerThread, driver.AIOKafkaConsumerThread),
        (kafka.Consumer, driver.Consumer),
        (kafka.Producer, driver.Producer),
    ],
)
def test_every_method_mended_is_one_of_faust_s(ours: type, theirs: type) -> None:
    added = {"partitions", "write", "dismiss", "_join"}
    for name, function in inspect.getmembers(ours, inspect.isfunction):
        if name in vars(ours) and name not in added:
            signature = inspect.signature(getattr(theirs, name))
            wanted = list(inspect.signature(function).parameters)
            assert name == "__init__" or wanted == list(signature.parameters), name


def test_what_has_no_setting_is_still_called_so() -> None:
    assert Conductor._resubscribe_sleep_lock_seconds == 45.0
    source = inspect.getsource(AIOKafkaConsumer)
    assert "self._fetch_max_wait_ms = fetch_max_wait_ms" in source
    assert "self._fetch_max_bytes = fetch_max_bytes" in source
    assert "self.member_id = " in inspect.getsource(GroupCoordinator)


def test_the_tables_start_as_faust_s_but_for_its_second_of_waiting() -> None:
    theirs = inspect.getsource(TableManager.on_start)
    assert "await self.sleep(1.0)" in theirs
    steps = [line.strip() for line in theirs.splitlines() if line.strip().startswith("await")]
    ours = inspect.getsource(Tables.on_start)
    assert all(step in ours for step in steps[1:])


def test_every_setting_is_one() -> None:
    known = faust.App.Settings.SETTINGS
    assert set(SETTINGS) - {"env"} <= set(known)


async def test_a_commit_between_two_assignments_waits_for_the_next() -> None:
    thread = object.__new__(kafka.ConsumerThread)
    consumer = AIOKafkaConsumer(bootstrap_servers="127.0.0.1:1", group_id="g")
    thread._consumer = consumer
    assert await thread._commit({TP("t", 0): 5}) is False
    consumer.subscribe(["t"])
    assert await thread._commit({TP("t", 0): 5}) is False
    await consumer.stop()


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (KafkaTimeoutError(), True),
        (KafkaConnectionError("away"), True),
        (TimeoutError(), True),
        (ProducerFenced(), False),
        (MessageSizeTooLargeError(), False),
        (ValueError(), False),
    ],
)
def test_which_failures_pass_by_themselves(error: Exception, passes: bool) -> None:
    assert kafka.temporary(error) is passes
    wrapped = ProducerSendError("wrapped")
    wrapped.__cause__ = error
    assert kafka.temporary(wrapped) is passes
