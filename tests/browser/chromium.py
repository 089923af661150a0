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
    """A running browser with one page; its profile and log are in `directory`.

    `preferences` are the visitor's: what Chromium keeps in the file of that name.
    """

    def __init__(
        self, binary: str, directory: Path, preferences: dict[str, Any] | None = None
    ) -> None:
        self._ids = 0
        if preferences:
            kept = directory / "profile" / "Default" / "Preferences"
            kept.parent.mkdir(parents=True)
            kept.write_text(json.dumps(preferences))
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
        self._tabs: dict[str, str] = {}
        self.new_tab()

    def new_tab(self) -> str:
        """Open another tab, which everything else is about from now on; returns its name."""
        self._session = ""
        target: str = self._call("Target.createTarget", url="about:blank")["targetId"]
        answer = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._tabs[target] = answer["sessionId"]
        self.use(target)
        return target

    def use(self, tab: str) -> None:
        """Let everything be about this tab."""
        self._session = self._tabs[tab]
        self._call("Page.bringToFront")

    def close_tab(self, tab: str) -> None:
        """Close a tab as a visitor does."""
        self._session = ""
        self._tabs.pop(tab)
        self._call("Target.closeTarget", targetId=tab)

    def offline(self, lost: bool) -> None:
        """Take the network away from the tab, or give it back."""
        self._call("Network.enable")
        conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self._call("Network.emulateNetworkConditions", offline=lost, **conditions)

    def click(self, selector: str) -> None:
        """Press and release the left button in the middle of an element."""
        x, y = self.run(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def open(self, url: str) -> None:
        """Leave the present page as a visitor does, and return when the next one has loaded."""
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, (url, answer["errorText"])
        self.run(_LOADED)

    def back(self) -> None:
        """Go back by the browser's button."""
        found = self._call("Page.getNavigationHistory")
        entry = found["entries"][found["currentIndex"] - 1]["id"]
        self._call("Page.navigateToHistoryEntry", entryId=entry)

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
