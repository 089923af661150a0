"""Fetch (key 1, versions 4 to 11): read now, or wait until there is enough to read."""

import asyncio
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import Code, RefusedError, refuse
from .state import BrokerState, Call, Outcome, Pending
from .wire import INT16, INT32, Buffers, Reader, pack_string

_MAX_ANSWER_BYTES = 55 * 1024 * 1024  # Kafka's fetch.max.bytes
# The versions in which a field came.
_WITH_LOG_START, _WITH_SESSIONS, _WITH_LEADER_EPOCH, _WITH_RACK = 5, 7, 9, 11
_NO_MARKS = (-1, -1, -1)
_MARKS = struct.Struct(">ihqq")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Wanted:
    topic: str
    partition: int
    leader_epoch: int
    offset: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class _Request:
    max_wait_ms: int
    min_bytes: int
    max_bytes: int
    read_committed: bool
    session_id: int
    wanted: list[_Wanted]


@dataclass(frozen=True, slots=True)
class _Found:
    """What one partition answers; `marks` are high watermark, last stable and start offset."""

    wanted: _Wanted
    code: Code
    marks: tuple[int, int, int]
    data: bytes


def fetch(state: BrokerState, call: Call) -> Outcome:
    """Answer with records, or park until `min_bytes` arrived or `max_wait_ms` passed."""
    request = _read(call)
    if request.session_id != 0:
        return [*_head(call.version, Code.FETCH_SESSION_ID_NOT_FOUND), INT32.pack(0)]
    found = _look(state, request)
    ready = sum(len(each.data) for each in found)
    failed = any(each.code is not Code.NONE for each in found)
    if failed or not found or ready >= request.min_bytes or request.max_wait_ms <= 0:
        return _answer(call.version, request, found)
    parked = _Parked(state, call.version, request, ready)
    return Pending(parked.future, release=parked.finish, abandon=parked.future.cancel)


class _Parked:
    """A fetch that waits for records. Whatever ends the wait, it looks once more and answers."""

    def __init__(self, state: BrokerState, version: int, request: _Request, ready: int) -> None:
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Buffers | None] = loop.create_future()
        self._state, self._version, self._request = state, version, request
        self._ready = ready
        self._finishing = False
        self._timer = loop.call_later(request.max_wait_ms / 1e3, self.finish)
        self._logs = [state.topics.log(w.topic, w.partition) for w in request.wanted]
        for log in self._logs:
            log.readers.add(self._on_growth)
        self.future.add_done_callback(self._leave)

    def finish(self) -> None:
        """Answer with what there is now."""
        if not self.future.done():
            found = _look(self._state, self._request)
            self.future.set_result(_answer(self._version, self._request, found))

    def _on_growth(self, grown: int) -> None:
        self._ready += grown
        if self._finishing or (grown and self._ready < self._request.min_bytes):
            return
        # Soon, not now: one sync makes several partitions visible, one after the other.
        self._finishing = True
        asyncio.get_running_loop().call_soon(self.finish)

    def _leave(self, _: asyncio.Future[Buffers | None]) -> None:
        self._timer.cancel()
        for log in self._logs:
            log.readers.discard(self._on_growth)


def _read(call: Call) -> _Request:
    version, reader = call.version, Reader(call.body)
    reader.int32()  # replica id: no other broker is there to follow this one
    max_wait_ms, min_bytes, max_bytes = reader.int32(), reader.int32(), reader.int32()
    read_committed = reader.int8() == 1
    session_id = 0
    if version >= _WITH_SESSIONS:
        session_id = reader.int32()
        reader.int32()  # session epoch: sessions are never granted
    wanted = list(_wanted(version, reader))
    return _Request(
        max_wait_ms,
        min_bytes,
        min(max_bytes, _MAX_ANSWER_BYTES),
        read_committed,
        session_id,
        wanted,
    )


def _wanted(version: int, reader: Reader) -> Iterator[_Wanted]:
    for _ in range(reader.array()):
        topic = reader.string()
        for _ in range(reader.array()):
            partition = reader.int32()
            leader_epoch = reader.int32() if version >= _WITH_LEADER_EPOCH else -1
            offset = reader.int64()
            if version >= _WITH_LOG_START:
                reader.int64()  # start offset of a follower's log
            yield _Wanted(topic, partition, leader_epoch, offset, reader.int32())


def _look(state: BrokerState, request: _Request) -> list[_Found]:
    found: list[_Found] = []
    room, any_data = request.max_bytes, False
    for wanted in request.wanted:
        each = _look_at(state, wanted, room, at_least_one=not any_data)
        room -= len(each.data)
        any_data = any_data or bool(each.data)
        if each.code is not Code.NONE:
            state.metrics.errors[each.code.name] += 1
        found.append(each)
    return found


def _look_at(state: BrokerState, wanted: _Wanted, room: int, *, at_least_one: bool) -> _Found:
    try:
        if state.faults.refuse_fetch is not None:
            refuse(state.faults.refuse_fetch)
        log = state.topics.log(wanted.topic, wanted.partition)
        if wanted.leader_epoch > 0:
            refuse(Code.UNKNOWN_LEADER_EPOCH)
        limit = max(min(wanted.max_bytes, room), 0)
        data = log.read(wanted.offset, limit, at_least_one=at_least_one)
    except RefusedError as refused:
        return _Found(wanted, refused.code, _NO_MARKS, b"")
    except OSError:
        _log.exception("cannot read %s-%d", wanted.topic, wanted.partition)
        return _Found(wanted, Code.KAFKA_STORAGE_ERROR, _NO_MARKS, b"")
    marks = (log.high_watermark, log.high_watermark, log.start_offset)
    return _Found(wanted, Code.NONE, marks, data)


def _head(version: int, code: Code) -> Buffers:
    head: Buffers = [INT32.pack(0)]  # throttle time
    if version >= _WITH_SESSIONS:
        head += [INT16.pack(code), INT32.pack(0)]
    return head


def _answer(version: int, request: _Request, found: list[_Found]) -> Buffers:
    topics: dict[str, list[_Found]] = {}
    for each in found:
        topics.setdefault(each.wanted.topic, []).append(each)
    out = [*_head(version, Code.NONE), INT32.pack(len(topics))]
    for topic, partitions in topics.items():
        out += [pack_string(topic), INT32.pack(len(partitions))]
        for each in partitions:
            out += _partition_answer(version, each, read_committed=request.read_committed)
    return out


def _partition_answer(version: int, each: _Found, *, read_committed: bool) -> Buffers:
    high, stable, start = each.marks
    head = _MARKS.pack(each.wanted.partition, each.code, high, stable)
    if version >= _WITH_LOG_START:
        head += struct.pack(">q", start)
    head += INT32.pack(0 if read_committed else -1)  # aborted transactions: there are none
    if version >= _WITH_RACK:
        head += INT32.pack(-1)  # no other replica to read from
    return [head + INT32.pack(len(each.data)), each.data]
