"""The link to Redis: one node or a cluster, impatient, and skipped for a while after it failed."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from scheduler.adapters.redis.commands import Command, settled
from scheduler.adapters.redis.node import Node
from scheduler.domain.errors import Unavailable

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.25
SKIP_SECONDS = 2.0
"""After a failure Redis is not asked for so long: a dead one costs one timeout every two seconds, not one a request."""


class OnceMore(Retry):
    """One more try at once, unless the password was refused: that it will be again."""

    def __init__(self) -> None:
        """Take redis-py's own choice of errors."""
        super().__init__(NoBackoff(), 1)

    def call_with_retry(
        self,
        do: Callable[[], Any],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> Any:
        """Do it, at most twice."""

        def may_help(error: Exception) -> bool:
            refused = isinstance(error, redis.AuthenticationError)
            return not refused and (is_retryable is None or is_retryable(error))

        return super().call_with_retry(do, fail, may_help, with_failure_count)


class Client(Protocol):
    """One node, or a cluster."""

    one_slot: bool
    """Whether a script may use keys of any hash tags together."""

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip (on a cluster one a node) and give their replies.

        Raises:
            RedisError: The first error among the replies, or what is wrong with the connection.
        """

    def tell(self, commands: Sequence[Command]) -> None:
        """Send commands whose answers nobody needs: on one node without waiting for them.

        Raises:
            RedisError: They could not be sent.
        """

    def close(self) -> None:
        """Hang up; the next command connects anew."""


class Cluster:
    """A cluster, over redis-py's client."""

    one_slot = False

    def __init__(self, cluster: Any) -> None:
        """Take the client, which knows what lies where."""
        self._cluster = cluster

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """See `Client`."""
        return settled(commands, self._ask(commands), self._ask)

    def tell(self, commands: Sequence[Command]) -> None:
        """See `Client`."""
        self._ask(commands)

    def close(self) -> None:
        """Hang up."""
        self._cluster.close()

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        if len(commands) == 1:  # a pipeline costs half as much again
            try:
                return [self._cluster.execute_command(*commands[0])]
            except redis.ResponseError as error:
                return [error]
        pipeline = self._cluster.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        return replies


def connect(host: str, port: int, *, tls: bool, cluster: bool, password: str | None) -> Client:
    """Make a client; it connects with the first command. Retries once at most: the defaults would take minutes."""
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "password": password,
        "socket_timeout": TIMEOUT_SECONDS,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        "decode_responses": True,
        "encoding_errors": "replace",  # what is no text is nothing of ours, but no reason to fail
        "health_check_interval": 0,
    }
    if cluster:
        from redis.cluster import RedisCluster

        return Cluster(RedisCluster(**options, ssl=tls, retry=OnceMore()))
    kind = redis.SSLConnection if tls else redis.Connection
    # No greeting beyond the password: the older protocol serves as well, and a new connection asks nothing first.
    return Node(kind(**options, protocol=2, driver_info=None, retry=Retry(NoBackoff(), 0)))


class RedisLink:
    """Runs commands against Redis and answers a default instead of failing."""

    def __init__(
        self,
        make_client: Callable[[], Client],
        on_skip: Callable[[], None],
        forget_password: Callable[[], None] = lambda: None,
    ) -> None:
        """Make the client late (a cluster's asks for its slots at once); tell `on_skip` of each command left out.

        `forget_password` makes the next client read it anew.
        """
        self._make_client = make_client
        self._forget_password = forget_password
        self._client: Client | None = None
        self._on_skip = on_skip
        self._skip_until = 0.0

    def attempt[T](self, command: Callable[[Client], T], default: T) -> T:
        """Run a command; the default when Redis (or its password) is out of reach, or was a moment ago."""
        if time.monotonic() < self._skip_until:
            self._on_skip()
            return default
        try:
            return self._run(command)
        except (redis.RedisError, RedisClusterException, OSError, Unavailable) as error:
            self._skip_until = time.monotonic() + SKIP_SECONDS
            self._client = None
            self._on_skip()
            logger.warning("degraded", extra={"part": "redis", "reason": type(error).__name__})
            return default

    def _run[T](self, command: Callable[[Client], T]) -> T:
        try:
            return self._run_once(command)
        except (redis.AuthenticationError, RedisClusterException) as error:
            # A cluster's client wraps what it meets while it asks for the slots, in what is no RedisError.
            if not isinstance(error.__cause__ or error, redis.AuthenticationError):
                raise
            self._client = None  # nothing was done; the password may have been rotated
            self._forget_password()
        return self._run_once(command)

    def _run_once[T](self, command: Callable[[Client], T]) -> T:
        if self._client is None:
            self._client = self._make_client()
        return command(self._client)

    def close(self) -> None:
        """Hang up; the next command connects anew."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def answers(self) -> bool:
        """Tell whether Redis answers now, even if it is being skipped."""
        self._skip_until = 0.0
        return self.attempt(lambda client: bool(client.run([("PING",)])), default=False)
