"""One Redis node over one of redis-py's connections, without what its client adds to each command.

redis-py's client takes a connection from a pool, looks whether it is dirty, wraps each command for retries and tells
observers of it; its connection passes each reply through four functions. That is more work than the commands. An
environment handles one request at a time and needs one connection: redis-py makes it (TLS, password), and from then on
what is sent and read goes straight over its socket.
"""

import struct
from collections.abc import Sequence
from socket import SO_RCVTIMEO, SO_SNDTIMEO, SOL_SOCKET, socket, timeout
from threading import Lock
from typing import Any
from weakref import finalize

from hiredis import Reader, pack_command
from redis.connection import Connection
from redis.exceptions import AuthenticationError, ConnectionError, InvalidResponse, ResponseError, TimeoutError  # noqa: A004

from scheduler.adapters.redis.commands import Command, settled

_MOST_UNREAD = 32
_READ_BYTES = 64 * 1024
_INCOMPLETE = object()


class Node:
    """Runs commands in one round trip: they go out in one message, their answers come back in order.

    Answers that nobody waits for are read before those of the next commands, which have arrived meanwhile.
    """

    def __init__(self, connection: Connection) -> None:
        """Take the connection; it connects with the first command, and again whenever it broke."""
        self._connection: Any = connection  # most of it has no types
        self._one_at_a_time = Lock()
        self._socket: Any = None
        self._reader: Any = None
        self._hang_up: Any = None
        self._unread = 0
        self._asks_slots = False
        self.one_slot = False
        """Whether a script may use keys of any hash tags together: unknown until the first answer, so it may not."""

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
                self._talk(commands, answers=0)
                self._unread += len(commands)

    def close(self) -> None:
        """Hang up; the next command connects anew."""
        self._connection.disconnect()
        if self._hang_up:
            self._hang_up.detach()
        self._socket = self._reader = None
        self._unread = 0

    def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        try:
            return self._talk(commands, answers=len(commands))
        except AuthenticationError:  # refused, and would be again
            raise
        except (ConnectionError, TimeoutError):
            return self._talk(commands, answers=len(commands))

    def _talk(self, commands: Sequence[Command], answers: int) -> list[Any]:
        """Send commands, and read as many answers after those that are still unread.

        What comes after a failure would be taken for the answer to something else: the connection ends with it.
        """
        try:
            if self._socket is None:
                self._connect()
            self._socket.sendall(b"".join(map(pack_command, commands)))  # type: ignore[arg-type]  # its stub knows one word only
            if answers and self._asks_slots:
                self.one_slot, self._asks_slots = not isinstance(self._reply(), ResponseError), False
            while answers and self._unread:
                self._unread -= 1
                self._reply()
            return [self._reply() for _ in range(answers)]
        except OSError as error:
            self.close()
            broken = TimeoutError if isinstance(error, timeout | BlockingIOError) else ConnectionError
            raise broken(type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> None:
        self._connection.connect()
        self._socket = self._connection._sock
        # In a ring that is collected, the socket may come before the connection that would have closed it.
        self._hang_up = finalize(self, self._socket.close)
        self._hang_up.atexit = False
        seconds = self._connection.socket_timeout
        if seconds and type(self._socket) is socket:
            # The kernel itself keeps the time limits then. Python's own, which TLS needs, ask before each call whether
            # it would wait.
            limit = struct.pack("ll", *divmod(int(1e6 * seconds), 1_000_000))
            self._socket.settimeout(None)
            for option in (SO_RCVTIMEO, SO_SNDTIMEO):
                self._socket.setsockopt(SOL_SOCKET, option, limit)
        self._reader = Reader(
            protocolError=InvalidResponse,
            replyError=self._connection._parser.parse_error,
            encoding="utf-8",
            errors="replace",  # what is no text is nothing of ours, but no reason to fail
            notEnoughData=_INCOMPLETE,
        )
        # What is called a node may be an endpoint of a cluster. Its answer comes with those of the first commands.
        self._socket.sendall(pack_command(("EVAL", "return 1", 2, "one", "another")))  # type: ignore[arg-type]  # as below
        self._asks_slots, self.one_slot = True, False

    def _reply(self) -> Any:
        """Read one reply; an error is one too: what comes after it must be read all the same.

        Raises:
            ConnectionError: The server hung up, or serves nobody now.
        """
        while (reply := self._reader.gets()) is _INCOMPLETE:
            received = self._socket.recv(_READ_BYTES)
            if not received:
                raise ConnectionError("the server hung up")
            self._reader.feed(received)
        if isinstance(reply, ConnectionError):
            raise reply
        return reply
