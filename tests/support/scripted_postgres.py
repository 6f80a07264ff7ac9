"""A Postgres that lets everybody in and answers each statement with prepared bytes, then hangs up."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST_CONNECTIONS = 5
_SSL_REQUEST = 80877103


def message(kind: bytes, body: bytes) -> bytes:
    """Give one message of the protocol."""
    return kind + struct.pack("!i", len(body) + 4) + body


def complaint(kind: bytes, severity: bytes, code: bytes, text: bytes, context: bytes = b"") -> bytes:
    """Give an error (kind E) or a notice (kind N)."""
    fields = b"S%b\0V%b\0C%b\0M%b\0" % (severity, severity, code, text)
    return message(kind, fields + (b"W%b\0" % context if context else b"") + b"\0")


def _setting(name: bytes, value: bytes) -> bytes:
    return message(b"S", b"%b\0%b\0" % (name, value))


_READY = message(b"Z", b"I")
_COLUMN = b"x\0" + struct.pack("!ihihih", 0, 0, 23, 4, -1, 0)
_WELCOME = (
    message(b"R", struct.pack("!i", 0))
    + _setting(b"client_encoding", b"UTF8")
    + _setting(b"DateStyle", b"ISO, MDY")
    + _setting(b"server_version", b"18.0")
    + _setting(b"standard_conforming_strings", b"on")
    + message(b"K", struct.pack("!ii", 1, 2))
    + _READY
)
ROW = message(b"T", struct.pack("!h", 1) + _COLUMN) + message(b"D", struct.pack("!hi", 1, 1) + b"7")
"""A result of one integer, 7, that is not yet said to be complete."""
COMPLETE = message(b"C", b"SELECT 1\0")
ANSWER = ROW + COMPLETE + _READY
_TERMINATED = b"terminating connection due to administrator command"
TERMINATED = complaint(b"E", b"FATAL", b"57P01", _TERMINATED)
TERMINATED_AT_WORK = complaint(b"E", b"FATAL", b"57P01", _TERMINATED, b"PL/pgSQL function claim_device() line 7 at IF")
CRASHED = complaint(b"N", b"WARNING", b"57P02", b"terminating connection because of crash of another server process")


class ScriptedPostgres:
    """Gives the first connection's statement the first reply, the second's the next, and so on."""

    def __init__(self, replies: list[bytes]) -> None:
        """Listen on a free port; at most five connections are served."""
        self._replies = replies
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.statements = 0
        self.url = f"postgresql://u@127.0.0.1:{self._listener.getsockname()[1]}/d?gssencmode=disable"

    def serve(self) -> None:
        """Serve one connection after the other."""
        for reply in [*self._replies, *[b""] * (MOST_CONNECTIONS - len(self._replies))]:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(5)
                self._serve(client, reply)

    def close(self) -> None:
        """Stop listening, also in an accept under way."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, client: socket.socket, reply: bytes) -> None:
        if self._first_word(client) == _SSL_REQUEST:
            client.sendall(b"N")
            self._first_word(client)
        client.sendall(_WELCOME)
        if client.recv(65536):
            self.statements += 1
            client.sendall(reply)

    @staticmethod
    def _first_word(client: socket.socket) -> int:
        (length,) = struct.unpack("!i", client.recv(4, socket.MSG_WAITALL))
        word: int = struct.unpack("!i", client.recv(length - 4, socket.MSG_WAITALL)[:4])[0]
        return word


@contextmanager
def scripted_postgres(*replies: bytes) -> Iterator[ScriptedPostgres]:
    """Run the server for the time of the block."""
    server = ScriptedPostgres(list(replies))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)
