"""Undoes the wiring of the functions, so that the next request wires them anew from the environment."""

import sys

from scheduler.settings import settings


def forget_wiring() -> None:
    """Forget settings, connections and use cases."""
    settings.cache_clear()
    for name, module in list(sys.modules.items()):
        if name.split(".")[:2] == ["scheduler", "runtime"]:
            for member in list(vars(module).values()):
                if hasattr(member, "cache_clear"):
                    member.cache_clear()
