"""What came back for a step, judged. Knows no room."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cases.case import Step
from tests.cases.match import reply_differences
from tests.cases.ways import ORIGIN, Http, filled


@dataclass(frozen=True)
class Answer:
    """An HTTP reply; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says, None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def wrong(self, step: Step, http: Http, names: Mapping[str, str]) -> list[str]:
        """Say what is not as the step expects it."""
        found = reply_differences(
            filled(step.reply, names), self.status, self.headers, self.body, self.json
        )
        return found + self._hidden(http)

    def kept(self, step: Step) -> dict[str, str]:
        """The placeholders that the step wants for the next ones; "" where nothing is there."""
        return {name: _at(self.json, path) for name, path in step.keep.items()}

    def _hidden(self, http: Http) -> list[str]:
        """A page that sent with credentials must be able to read the answer."""
        if http.headers.get("origin") != ORIGIN or self.status == 403:
            return []
        wanted = {"access-control-allow-origin": ORIGIN, "access-control-allow-credentials": "true"}
        return [
            f"header {name}: expected {text!r}, found {self.headers.get(name)!r}"
            for name, text in wanted.items()
            if self.headers.get(name) != text
        ]


def _at(value: Any, path: str) -> str:
    path, last, _ = path.partition("/")
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    text = value if isinstance(value, str) else ""
    return text.rpartition("/")[2].removesuffix(".gif") if last else text
