"""Imports as scripts ask for them: options read strictly, made places and a wish."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from deploy.imports import s3
from deploy.imports.chunks import Wish
from deploy.imports.tables import CONTAINERS
from deploy.tasks.asking import headers_of
from schemas import codec
from schemas.errors import Malformed
from schemas.reading import JsonObject, bound
from schemas.wire.imports.formats import FORMATS
from schemas.wire.imports.plan import CELLS, ROWS, TARGETS

MAX_ADDRESSES: Final = 100
_LONGEST: Final = 8_192
_OPTIONS: Final = (
    "from",
    "format",
    "as",
    "collection",
    "map",
    "type",
    "skip",
    "headers",
    "s3",
    "rate",
)
_S3: Final = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
    "endpoint": "AWS_ENDPOINT_URL",
}


@dataclass(frozen=True, slots=True)
class Order:
    """What a script wants imported.

    Attributes:
        container: what kind of files they are, "" to look at each.
        headers: of requests that are not S3's.
        rate: rows per second, 0 for no bound.
    """

    addresses: tuple[str, ...]
    wish: Wish
    container: str
    headers: Mapping[str, str]
    access: s3.Access
    rate: int = 0

    @property
    def key(self) -> str:
        """Stands for how rows become events: what is done is done in this way only."""
        wish = self.wish
        said = [wish.format, wish.collection, wish.columns, wish.types, wish.skip, self.container]
        return sha256(codec.dumps(said)).hexdigest()[:12]


def order_of(options: Any) -> Order:
    """Read what a script gives ``files.import``.

    Raises:
        Malformed: ``import-invalid``, ``request-invalid``, ``s3-keys-incomplete``,
            ``address-unsupported``.
    """
    bound(options)
    given = {
        name: value for name, value in _object(options, "options").items() if value is not None
    }
    for name in given:
        if name not in _OPTIONS:
            raise _invalid(f"{name[:64]} is no option; there are: {', '.join(_OPTIONS)}")
    columns, types = _texts(given, "map"), _texts(given, "type")
    _known(columns, TARGETS, "map has")
    _known(types.values(), CELLS, "a type is one of")
    form = _choice(given, "format", tuple(FORMATS)) or ROWS
    if columns and form != ROWS:
        raise _invalid(f"map is for rows: format {form} says what is what")
    wish = Wish(form, _text(given, "collection"), columns, types, tuple(_list(given, "skip")))
    rate = given.get("rate", 0)
    if type(rate) is not int or rate < 0:
        raise _invalid("rate is a number of rows per second")
    access = s3.Access.of({_S3[name]: text for name, text in _s3(given).items() if text})
    return Order(
        _addresses(given),
        wish,
        _choice(given, "as", CONTAINERS),
        headers_of(given.get("headers")),
        access,
        rate,
    )


def _addresses(given: JsonObject) -> tuple[str, ...]:
    found = given.get("from")
    addresses = tuple(_list({"from": [found] if type(found) is str else found}, "from"))
    if not addresses or len(addresses) > MAX_ADDRESSES:
        raise _invalid(f"from is an address, or a list of at most {MAX_ADDRESSES}")
    return addresses


def _s3(given: JsonObject) -> dict[str, str]:
    found = _texts(given, "s3")
    _known(found, tuple(_S3), "s3 has")
    return found


def _known(names: Any, there: Sequence[str], what: str) -> None:
    for name in names:
        if name not in there:
            raise _invalid(f"{what} {', '.join(there)}, not {name[:64]!r}")


def _object(value: Any, name: str) -> JsonObject:
    if type(value) is not dict:
        raise _invalid(f"{name} must be an object")
    return value


def _texts(given: JsonObject, name: str) -> dict[str, str]:
    found = {k: v for k, v in _object(given.get(name, {}), name).items() if v is not None}
    return {key: _plain(value, name) for key, value in found.items()}


def _list(given: JsonObject, name: str) -> list[str]:
    found = given.get(name) or []
    if type(found) is not list:
        raise _invalid(f"{name} must be a list of texts")
    return [_plain(value, name) for value in found]


def _choice(given: JsonObject, name: str, there: tuple[str, ...]) -> str:
    found = _text(given, name)
    if found and found not in there:
        raise _invalid(f"{name} is one of {', '.join(there)}")
    return found


def _text(given: JsonObject, name: str) -> str:
    return _plain(given.get(name, ""), name)


def _plain(value: Any, name: str) -> str:
    if type(value) is not str or len(value) > _LONGEST or not (value.isprintable() or not value):
        raise _invalid(f"{name} holds texts of at most {_LONGEST} printable characters")
    return value


def _invalid(message: str) -> Malformed:
    return Malformed("import-invalid", message)
