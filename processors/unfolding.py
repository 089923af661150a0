"""Scripts of webhooks in their sandbox: what runs them, and what is put behind each."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from processors.sandbox import Sandbox
from processors.steps.decode import Vendors
from processors.unfold import Unfold
from schemas.webhooks import Webhooks

_BEHIND: Final = Path(__file__).with_name("script") / "webhook.js"


def unfolding(webhooks: Webhooks, vendors: Vendors, clock: Callable[[], int]) -> Unfold:
    """Make what unfolds the requests of webhooks; no process is started before there are any."""
    return Unfold(webhooks, Sandbox, vendors, behind=behind(), clock=clock)


@cache
def behind() -> str:
    """JavaScript that stands behind the script of every webhook."""
    return _BEHIND.read_text()
