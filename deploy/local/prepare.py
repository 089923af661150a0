"""Topics, tables and the first source: what a pipeline needs before its tiers start.

A module of its own, because it loads half of headrace; the stand-ins start meanwhile.
"""

from deploy.demo import ensure_demo
from deploy.init import initialise
from deploy.settings import Settings
from deploy.tier import clock


async def prepare(settings: Settings) -> str:
    """Declare all there is; the write key of source ``demo``, "" once rotated.

    Raises:
        SettingError, HeadraceError: what :func:`deploy.demo.ensure_demo` raises.
    """
    await initialise(settings)
    return await ensure_demo(settings, clock=clock)
