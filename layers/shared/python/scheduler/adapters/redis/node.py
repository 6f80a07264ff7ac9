"""One Redis node over one of redis-py's connections, without what its client adds to each command.

redis-py's client takes a connection from a pool, looks whether it is dirty, wraps each command for retries and tells
observers of it: more work than the commands. An environment handles one request at a time and needs one connection.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any

from hiredis import pack_command
from redis.connection import Connection
from redis.exceptions import AuthenticationError, ConnectionError, ResponseError, TimeoutError  # noqa: A004

from scheduler.adapters.redis.commands import Command, settled

_MOST_UNREAD = 32


class Node:
    """Runs commands in one round trip: they go out in one message, their answers come back in order.

    Answers that nobody waits for are read before those of the next commands, which have arrived meanwhile.
    """

    def __init__(self, connection: Connection) -> None:
        """Take the connection; it connects with the first command, and again whenever it broke."""
        self._connection: Any = connection  # most of it has no types
        self._one_at_a_time = Lock()
        self._unread = 0

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands and give their replies; a broken connection is tried once more, by a new one.

        Raises:
            RedisError: The first error among the replies, or what is wrong with the connection.
        """
        with self._one_at_a_time:
            return settled(commands, self._exchange(commands), self._exchange)

    def tell(self, commands: Sequence[Command]) -> None:
        """Send commands and go on; what they answer, an error too, is dropped.

        Raises:
            RedisError: They could not be sent.
        """
        with self._one_at_a_time:
            if self._unread + len(commands) > _MOST_UNREAD:
                self._exchange(commands)
            else:
                self._send(commands)
                self._unread += len(commands)

    def close(self) -> None:
        """Hang up; the next command connects anew."""
        self._connection.disconnect()
        self._unread = 0

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        try:
            return self._ask(commands)
        except AuthenticationError:  # refused, and would be again
            raise
        except (ConnectionError, TimeoutError):
            self.close()
        return self._ask(commands)

    def _ask(self, commands: Sequence[Command]) -> list[Any]:
        self._send(commands)
        while self._unread:
            self._unread -= 1
            self._reply()
        return [self._reply() for _ in commands]

    def _send(self, commands: Sequence[Command]) -> None:
        self._connection.send_packed_command([b"".join(map(pack_command, commands))], check_health=False)  # type: ignore[arg-type]  # its stub knows one word only

    def _reply(self) -> Any:
        """Read one reply; an error is one too: what comes after it must be read all the same."""
        try:
            return self._connection.read_response()
        except ResponseError as error:
            return error
