"""Who is asking: the two users, and the three ways in which ClickHouse takes their passwords."""

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.clickhouse.config import ClickHouseConfig
from deploy.local.clickhouse.errors import AUTHENTICATION_FAILED, ClickHouseError


@dataclass(frozen=True, slots=True)
class User:
    """A user who has proved to be one."""

    name: str
    reads_only: bool


class Access:
    """The users of one stand-in. Passwords are kept and compared as digests, in constant time."""

    def __init__(self, config: ClickHouseConfig) -> None:
        reader = User(config.reader_user, reads_only=True)
        writer = User(config.writer_user, reads_only=False)
        self._users = {
            reader.name: (reader, _digest(config.reader_password)),
            writer.name: (writer, _digest(config.writer_password)),
        }

    def authenticate(self, headers: Mapping[str, str], params: Mapping[str, str]) -> User:
        """Return the user of a request; without credentials that is ``default``.

        Credentials come as ``X-ClickHouse-User`` and ``-Key``, as Basic authentication, or as the
        parameters ``user`` and ``password``. Raises ``ClickHouseError`` 516 for a wrong name or
        password, told apart by nothing, and for more than one way at once.
        """
        ways = [way for way in (_own(headers), _basic(headers), _in_url(params)) if way]
        if len(ways) > 1:
            raise _failed("give the user in one way only: X-ClickHouse headers, Basic, or the URL")
        name, password = ways[0] if ways else ("default", "")
        user, digest = self._users.get(name, (None, _digest("")))
        right = hmac.compare_digest(digest, _digest(password))
        if user is None or not right:
            raise _failed(
                f"{name}: Authentication failed: password is incorrect, "
                "or there is no user with such name."
            )
        return user


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _own(headers: Mapping[str, str]) -> tuple[str, str] | None:
    user, key = headers.get("x-clickhouse-user"), headers.get("x-clickhouse-key")
    return None if user is None and key is None else (_utf8(user or "default"), _utf8(key or ""))


def _utf8(header: str) -> str:
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise _failed("X-ClickHouse-User and -Key must be UTF-8") from error


def _in_url(params: Mapping[str, str]) -> tuple[str, str] | None:
    user, password = params.get("user"), params.get("password")
    return None if user is None and password is None else (user or "default", password or "")


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    header = headers.get("authorization")
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        raise _failed(f"{scheme} authentication is not known here: use Basic")
    try:
        name, _, password = b64decode(value, validate=True).decode().partition(":")
    except ValueError as error:
        raise _failed("the Basic credentials are not base64 of name:password") from error
    return name, password


def _failed(sentence: str) -> ClickHouseError:
    return ClickHouseError(AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", sentence)
