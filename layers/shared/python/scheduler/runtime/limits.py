"""Wires the counting of requests, and the keys that sign cursors."""

from functools import lru_cache
from typing import TYPE_CHECKING

from scheduler.adapters.postgres.cursor_keys import PostgresCursorKeys
from scheduler.runtime import _redis_link, database, meter
from scheduler.settings import settings

if TYPE_CHECKING:
    from scheduler.adapters.redis.limiter import RedisLimiter


@lru_cache(maxsize=1)
def get_cursor_keys() -> PostgresCursorKeys:
    """Wire the keys that sign cursors."""
    return PostgresCursorKeys(database())


@lru_cache(maxsize=1)
def get_limiter() -> "RedisLimiter":
    """Wire the windows."""
    from scheduler.adapters.redis.limiter import RedisLimiter

    return RedisLimiter(_redis_link(), meter(), settings().rates)
