"""Who a worker is in its consumer group, written down for the worker that takes its place.

A worker that was killed stays a member of its group until Kafka's session time-out has passed, and
for so long its partitions stand still; in a rebalance everybody's do. The worker that is started
in its place, on the same directory, reads here who that was and tells Kafka that it is gone.
A door of this room to aiokafka, for a request that neither Faust nor its client sends for others.
"""

import fcntl
import logging
import os
from pathlib import Path
from typing import Final

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError, UnknownMemberIdError, for_code
from aiokafka.protocol.group import LeaveGroupRequest

logger = logging.getLogger(__name__)

_FILE: Final = "member"
_MOST_BYTES: Final = 1024


class Membership:
    """The member id of the worker that uses a directory.

    The file is locked for as long as its worker lives, and the kernel unlocks it however that
    ends: who can lock it knows that the member named in it is no more.

    Args:
        directory: of one worker alone. Another one beside it keeps its own id to itself, and
            what is said of its death is left to the session time-out.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _FILE
        self._file = -1
        self._written = ""

    def take(self) -> str:
        """Lock the file; tells which member left it behind, "" when none is known."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                former = os.pread(file, _MOST_BYTES, 0).decode(errors="replace").strip()
            except OSError:
                os.close(file)
                raise
        except BlockingIOError:
            logger.warning(
                "another processor uses %s: give every one a directory of its own (--worker)",
                self._path.parent,
            )
            return ""
        except OSError as error:
            self._complain(error)
            return ""
        self._file, self._written = file, former
        return former

    def keep(self, member: str) -> None:
        """Write down who its worker is now."""
        if self._file < 0 or member == self._written:
            return
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, member.encode(), 0)
        except OSError as error:
            self._complain(error)
        else:
            self._written = member

    def release(self) -> None:
        """Unlock it."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _complain(self, error: OSError) -> None:
        logger.warning(
            "%s: %s; if this processor is killed, its partitions wait for Kafka's session time-out",
            self._path,
            error.strerror,
        )


async def dismiss(client: AIOKafkaClient, group: str, member: str) -> None:
    """Tell a consumer group that a member is no more; what cannot be told is logged."""
    try:
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        answer = await client.send(node, LeaveGroupRequest(group, member))
    except KafkaError as error:
        refused: BaseException = error
    else:
        if answer.error_code == 0:
            logger.info("%s, which was killed, is in %s no longer", member, group)
        if answer.error_code in {0, UnknownMemberIdError.errno}:
            return
        refused = for_code(answer.error_code)()
    logger.warning("%s stays in %s until its session has timed out: %s", member, group, refused)
