"""SnapStart: one snapshot of a started environment becomes many environments, which must not share what was unique."""

import importlib
import random
from collections.abc import Callable
from typing import Any

type Hook = Callable[[], None]


def survive_snapshots() -> None:
    """Have Lambda call us around its snapshots; where there are none (its module is missing), do nothing."""
    try:
        hooks: Any = importlib.import_module("snapshot_restore_py")  # part of Lambda's runtime alone
    except ImportError:
        return
    hooks.register_before_snapshot(before_snapshot)
    hooks.register_after_restore(after_restore)


def before_snapshot() -> None:
    """Load now what the first request would load, and hang up: a connection cannot be had by two.

    Raises:
        ConfigurationError: A variable has a wrong value, so that no version with it is published.
    """
    from scheduler.settings import settings

    if settings().redis_host:
        importlib.import_module("scheduler.adapters.redis.gate")
        importlib.import_module("scheduler.adapters.redis.cache")
    _hang_up()


def after_restore() -> None:
    """Draw other random numbers than the siblings (jitter would be in step), and hang up what was opened since."""
    random.seed()
    _hang_up()


def _hang_up() -> None:
    from scheduler import runtime

    if runtime.database.cache_info().currsize:
        runtime.database().close()
    if runtime._redis_link.cache_info().currsize:
        runtime._redis_link().close()
