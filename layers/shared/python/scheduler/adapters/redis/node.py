"""One Redis node over one of redis-py's connections, without what its client adds to each command.

redis-py's client takes a connection from a pool, looks whether it is dirty, wraps each command for retries and tells
observers of it: more work than the commands. An environment handles one request at a time and needs one connection.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from redis.connection import Connection
from redis.exceptions import AuthenticationError, ConnectionError, ResponseError, TimeoutError  # noqa: A004

from scheduler.adapters.redis.commands import Command, settled


class Node:
    """Runs commands in one round trip: they go out in one message, their answers come back in order."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection; it connects with the first command, and again whenever it broke."""
        self._connection: Any = connection  # most of it has no types
        self._one_at_a_time = Lock()

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands and give their replies; a broken connection is tried once more, by a new one.

        Raises:
            RedisError: The first error among the replies, or what is wrong with the connection.
        """
        with self._one_at_a_time:
            return settled(commands, self._exchange(commands), self._exchange)

    def close(self) -> None:
        """Hang up; the next command connects anew."""
        self._connection.disconnect()

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        try:
            return self._ask(commands)
        except AuthenticationError:  # refused, and would be again
            raise
        except (ConnectionError, TimeoutError):
            self._connection.disconnect()
        return self._ask(commands)

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        return [self._reply() for _ in commands]

    def _reply(self) -> Any:
        """Read one reply; an error is one too: what comes after it must be read all the same."""
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error
