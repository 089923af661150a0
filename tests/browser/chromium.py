"""A headless Chromium, steered over its debugging pipe: no driver, no port, no dependency.

The pipe speaks the Chrome DevTools Protocol: JSON messages, each ended by a zero byte, on the
browser's descriptors 3 (in) and 4 (out). When this process dies, the pipe ends and so does it.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_ANSWER_SECONDS = 30.0
_STOP_SECONDS = 10.0
_CHUNK = 1 << 16
_SWITCHES = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=800,600",
)
# the pipe takes the place of standard input and output, then moves to where Chromium looks
_ON_ITS_PIPE = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null'

_LOADED = """new Promise((resolve) => {
  if (document.readyState === "complete") resolve(true);
  else addEventListener("load", () => resolve(true));
})"""


def installed() -> str:
    """Path of the browser; "" when there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), "")


class Chromium:
    """A running browser with one page; its profile and log are in `directory`."""

    def __init__(self, binary: str, directory: Path) -> None:
        self._ids = 0
        self._buffer = b""
        with (directory / "chromium.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("/bin/sh", "-c", _ON_ITS_PIPE, "sh", binary, *_SWITCHES),
                    f"--user-data-dir={directory / 'profile'}",
                    "about:blank",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                start_new_session=True,
            )
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]

    def open(self, url: str) -> None:
        """Leave the present page as a visitor does, and return when the next one has loaded."""
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, (url, answer["errorText"])
        self.run(_LOADED)

    def run(self, script: str) -> Any:
        """Run a JavaScript expression in the page, wait for its promise, return its JSON value."""
        answer = self._call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, (script, answer["exceptionDetails"])
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """A PNG of what the visitor sees."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        """End the browser and everything it started."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(_STOP_SECONDS)
        self._process.stdout.close()

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._ids += 1
        message: dict[str, Any] = {"id": self._ids, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            answer = self._next(deadline, method)
            if answer.get("id") == self._ids:
                assert "error" not in answer, (method, answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self, deadline: float, method: str) -> Any:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no answer to {method} within {_ANSWER_SECONDS:g} s"
            chunk = os.read(pipe, _CHUNK)
            assert chunk, f"the browser ended before it answered {method}"
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)
