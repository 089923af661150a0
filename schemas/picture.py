"""The picture that is a pixel."""

import base64
from typing import Final

from schemas.vendor import Reply

_GIF: Final = base64.b64decode("R0lGODlhAQABAPAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""43 bytes: one transparent point."""
_NO_STORE: Final = ("Cache-Control", "no-store, no-cache, must-revalidate, private")


def point(*headers: tuple[str, str]) -> Reply:
    """Answer with one transparent point, which nobody keeps: it is asked for each time."""
    return Reply(200, _GIF, content_type="image/gif", headers=(_NO_STORE, *headers))
