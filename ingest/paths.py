"""Which vendor answers on a path: a dictionary for plain paths, patterns for the others; pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from schemas.vendor import Route, Vendor

_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_NO_PARAMETERS: Final[Mapping[str, str]] = {}
_SLASH: Final = "\ud800"
"""Stands for a slash inside a parameter; no decoded path holds it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is behind one path.

    Attributes:
        routes: by HTTP method.
    """

    vendor: Vendor
    path: str
    routes: dict[str, Route] = field(default_factory=dict)

    @property
    def any_route(self) -> Route:
        """A route to speak for the path when the method has none."""
        return next(iter(self.routes.values()))

    def methods(self) -> list[str]:
        """All methods, as ``Allow`` lists them."""
        extra = ["HEAD"] if "GET" in self.routes else []
        return sorted([*self.routes, *extra])


class Paths:
    """All paths of all vendors: bare and under the vendor's name, with a slash behind or not.

    Both slash forms answer themselves, because clients do not follow the redirect of a POST.
    Of several patterns that a path fits, the one with a word where others take anything wins.

    Raises:
        ValueError: two vendors claim the same bare path and method.
    """

    def __init__(self, vendors: Iterable[Vendor]) -> None:
        self._plain: dict[str, Entry] = {}
        self._patterns: list[tuple[re.Pattern[str], Entry]] = []
        entries: dict[str, Entry] = {}
        for vendor in vendors:
            for route in vendor.ROUTES:
                for path in (route.path, f"/{vendor.NAME}{route.path}"):
                    self._add(entries, vendor, path.rstrip("/"), route)
        self._patterns.sort(key=lambda item: [part[:1] == "{" for part in item[1].path.split("/")])

    def find(self, path: str, raw: bytes | None = None) -> tuple[Entry, Mapping[str, str]] | None:
        """Find the entry of a path and the values of its parameters.

        Args:
            path: percent-decoded.
            raw: as it was sent; an encoded slash in it is part of a parameter.
        """
        entry = self._plain.get(path)
        if entry is not None:
            return entry, _NO_PARAMETERS
        if raw is not None and b"%2f" in raw.lower():
            parts = raw.partition(b"?")[0].decode("latin-1").split("/")
            path = "/".join(unquote(part).replace("/", _SLASH) for part in parts)
        for pattern, candidate in self._patterns:
            match = pattern.fullmatch(path)
            if match is not None:
                values = match.groupdict()
                return candidate, {name: values[name].replace(_SLASH, "/") for name in values}
        return None

    def _add(self, entries: dict[str, Entry], vendor: Vendor, path: str, route: Route) -> None:
        entry = entries.get(path)
        if entry is None:
            entry = entries[path] = Entry(vendor, path)
            self._index(entry)
        if entry.vendor is not vendor:
            raise ValueError(f"{vendor.NAME} and {entry.vendor.NAME} both claim {path}")
        for method in route.methods:
            if entry.routes.setdefault(method, route).endpoint != route.endpoint:
                raise ValueError(f"{vendor.NAME} claims {method} {path} twice")

    def _index(self, entry: Entry) -> None:
        if _PARAMETER.search(entry.path):
            parts = _PARAMETER.split(entry.path)
            pattern = "".join(
                f"(?P<{part}>[^/]+)" if odd % 2 else re.escape(part)
                for odd, part in enumerate(parts)
            )
            self._patterns.append((re.compile(pattern + "/?", re.DOTALL), entry))
        else:
            self._plain[entry.path] = self._plain[entry.path + "/"] = entry
