"""Undoes the wiring of the functions, so that the next request wires them anew from the environment."""

from scheduler import runtime
from scheduler.settings import settings


def forget_wiring() -> None:
    """Forget settings, connections and use cases."""
    settings.cache_clear()
    for member in vars(runtime).values():
        if hasattr(member, "cache_clear"):
            member.cache_clear()
