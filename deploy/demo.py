"""Source ``demo``, which the first ``headrace up`` makes."""

from collections.abc import Callable
from typing import Final

from deploy.derived import demo_key
from deploy.desk import open_desk
from deploy.settings import Settings
from schemas.commands import CreateSource, ListSources
from schemas.sources import hash_key

DEMO: Final = "demo"


async def ensure_demo(settings: Settings, *, clock: Callable[[], int]) -> str:
    """Create source ``demo`` on the first start; answer its write key, or "" once rotated.

    Raises:
        SettingError: no broker answers.
        HeadraceError: what :meth:`deploy.desk.Desk.do` raises.
    """
    clear = demo_key(settings.ids())
    fields = {"id": DEMO, "name": "Demo", "description": "made by the first `headrace up`"}
    async with open_desk(settings, clock=clock) as desk:
        for source in await desk.do(ListSources()):
            if source.id == DEMO:
                own = any(key.hash == hash_key(clear) for key in source.keys)
                return clear if own else ""
        await desk.do(CreateSource(fields, write_key=clear))
        return clear
