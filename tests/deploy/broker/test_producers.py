from pathlib import Path

import pytest

from deploy.local.broker.batch import read_header
from deploy.local.broker.errors import Code, RefusedError
from deploy.local.broker.log import PartitionLog
from deploy.local.broker.producers import ProducerStates
from tests.deploy.broker.building import append, batch, open_log

ID = 42


def _send(log: PartitionLog, sequence: int, epoch: int = 0, count: int = 1) -> int:
    pairs = [(b"k", b"v")] * count
    return append(log, batch(*pairs, producer=(ID, epoch), sequence=sequence))


def _refusal(log: PartitionLog, sequence: int, epoch: int = 0) -> Code:
    with pytest.raises(RefusedError) as refused:
        _send(log, sequence, epoch)
    return refused.value.code


def test_any_of_the_last_five_batches_is_answered_as_the_first_time(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    placed = [_send(log, sequence, count=2) for sequence in range(0, 12, 2)]
    assert [_send(log, sequence, count=2) for sequence in range(2, 12, 2)] == placed[1:]
    assert log.end_offset == 12
    assert _refusal(log, 0) is Code.OUT_OF_ORDER_SEQUENCE_NUMBER


@pytest.mark.parametrize("clean", [True, False])
def test_a_restart_changes_nothing(tmp_path: Path, clean: bool) -> None:
    log = open_log(tmp_path)
    placed = [_send(log, sequence) for sequence in range(7)]
    if clean:
        log.close_cleanly()
    else:
        log.close()
    again = open_log(tmp_path)
    assert [_send(again, sequence) for sequence in range(2, 7)] == placed[2:]
    assert _refusal(again, 8) is Code.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert _send(again, 7) == 7


def test_a_gap_and_an_old_epoch_are_refused(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    _send(log, 0, epoch=3)
    assert _refusal(log, 2, epoch=3) is Code.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert _refusal(log, 1, epoch=2) is Code.INVALID_PRODUCER_EPOCH
    assert _refusal(log, 1, epoch=4) is Code.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert _send(log, 0, epoch=4) == 1
    assert log.end_offset == 2


def test_sequences_wrap(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    _send(log, 2**31 - 2, count=2)
    assert _send(log, 0) == 2
    assert _send(log, 1) == 3


def test_an_unknown_producer_may_start_anywhere(tmp_path: Path) -> None:
    assert _send(open_log(tmp_path), 1234) == 0


def test_silent_producers_are_forgotten() -> None:
    states = ProducerStates()
    states.record(read_header(batch(producer=(1, 0), sequence=0)), now_ms=100)
    states.record(read_header(batch(producer=(2, 0), sequence=0)), now_ms=200)
    states.record(read_header(batch()), now_ms=300)
    states.forget(unseen_since_ms=150)
    assert len(states) == 1
    assert ProducerStates().snapshot() == []
