"""The link to Redis: one node or a cluster, impatient, and skipped for a while after it failed."""

import logging
import time
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from scheduler.domain.errors import Unavailable

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.25
SKIP_SECONDS = 2.0
"""After a failure Redis is not asked for so long: a dead one costs one timeout every two seconds, not one a request."""

Client = Any
"""redis.Redis or redis.cluster.RedisCluster: redis-py's types tell sync and async answers apart badly."""


def connect(host: str, port: int, *, tls: bool, cluster: bool, password: str | None) -> Client:
    """Make a client; it connects with the first command. Retries once at most: the defaults would take minutes."""
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "ssl": tls,
        "password": password,
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "decode_responses": True,
        "encoding_errors": "replace",  # what is no text is nothing of ours, but no reason to fail
        "health_check_interval": 0,
    }
    if cluster:
        from redis.cluster import RedisCluster

        return RedisCluster(**options, retry=Retry(NoBackoff(), 1))
    return redis.Redis(**options, retry=Retry(NoBackoff(), 1))


class RedisLink:
    """Runs commands against Redis and answers a default instead of failing."""

    def __init__(self, make_client: Callable[[], Client], on_skip: Callable[[], None]) -> None:
        """Make the client late (a cluster's asks for its slots at once); tell `on_skip` of each command left out."""
        self._make_client = make_client
        self._client: Client | None = None
        self._on_skip = on_skip
        self._skip_until = 0.0

    def attempt[T](self, command: Callable[[Client], T], default: T) -> T:
        """Run a command; the default when Redis (or its password) is out of reach, or was a moment ago."""
        if time.monotonic() < self._skip_until:
            self._on_skip()
            return default
        try:
            if self._client is None:
                self._client = self._make_client()
            return command(self._client)
        except (redis.RedisError, OSError, Unavailable) as error:
            self._skip_until = time.monotonic() + SKIP_SECONDS
            self._client = None  # the next one asks for the password anew: it may have been rotated
            self._on_skip()
            logger.warning("degraded", extra={"part": "redis", "reason": type(error).__name__})
            return default

    def answers(self) -> bool:
        """Tell whether Redis answers now, even if it is being skipped."""
        self._skip_until = 0.0
        return self.attempt(lambda client: bool(client.ping()), default=False)
