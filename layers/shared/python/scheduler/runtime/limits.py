"""Wires the counting of requests."""

from functools import lru_cache

from scheduler.adapters.redis.limiter import RedisLimiter
from scheduler.runtime import _redis_link, meter
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_limiter() -> RedisLimiter:
    """Wire the windows."""
    return RedisLimiter(_redis_link(), meter(), settings().rates)
