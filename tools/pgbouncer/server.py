"""A PgBouncer on a free port of 127.0.0.1, pooling transactions over few server connections."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from psycopg2.extras import RealDictCursor

from scheduler.adapters.postgres.logins import LOGIN_ROLES
from tools.embedded import EmbeddedServer, PostgresServer, ServerError, as_role, free_port
from tools.embedded.os_user import let_others_reach, unprivileged_user

_SYSTEM_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"  # where Debian has it, and users have not
_FIRST_WITH_PREPARED = (1, 21)
"""From here on it can follow prepared statements, and does unless told not to."""


def program() -> str | None:
    """Path of the program; None when it is not installed."""
    return shutil.which("pgbouncer", path=_SYSTEM_PATH)


WAIT_SECONDS = 3
"""Refused soon rather than served late: decision 0025."""


class PgBouncer(EmbeddedServer):
    """A proxy whose clients share `pool_size` sessions for each database of a cluster."""

    name = "PgBouncer"

    def __init__(
        self, folder: Path, target: PostgresServer, pool_size: int, *, most_clients: int, wait_seconds: int
    ) -> None:
        """Prepare the proxy; `folder` holds its configuration, its file of passwords and its log."""
        found = program()
        if found is None:
            raise ServerError("PgBouncer is not installed")
        self._program = found
        self.folder = folder.resolve()
        super().__init__(free_port(), self.folder / "server.log", os_user=unprivileged_user())
        self._target = target
        self._pool_size = pool_size
        self._most_clients = most_clients
        self._wait_seconds = wait_seconds

    def url_of(self, database: str) -> str:
        """URL of one database through the proxy, password included."""
        return self._target.url_of(database).replace(f":{self._target.port}/", f":{self.port}/")

    def command(self) -> list[str]:
        """Write the files and return the program; no password is on its command line."""
        urls = self._target.url, *(as_role(self._target.url, role) for role in LOGIN_ROLES)
        logins = [urlsplit(url) for url in urls]
        self._write("users.txt", "".join(f'"{login.username}" "{login.password}"\n' for login in logins))
        self._write(
            "pgbouncer.ini", "\n".join(["[databases]", self._database(), "[pgbouncer]", *self._settings()]) + "\n"
        )
        if self._os_user:
            let_others_reach(self.folder / "users.txt")
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self._os_user, self._os_user)
        return [self._program, str(self.folder / "pgbouncer.ini")]

    def answers(self) -> bool:
        """Tell whether its console can be logged in to."""
        try:
            psycopg2.connect(self.url_of("pgbouncer"), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def show(self, what: str) -> list[dict[str, Any]]:
        """Ask its console, for example for `POOLS`."""
        console = psycopg2.connect(self.url_of("pgbouncer"), connect_timeout=5)
        try:
            console.autocommit = True
            with console.cursor(cursor_factory=RealDictCursor) as cursor:
                cursor.execute(f"SHOW {what}")
                return [dict(row) for row in cursor.fetchall()]
        finally:
            console.close()

    def _database(self) -> str:
        return f"* = host=127.0.0.1 port={self._target.port}"

    def _settings(self) -> list[str]:
        options = [
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = scram-sha-256",
            f"auth_file = {self.folder / 'users.txt'}",
            f"admin_users = {urlsplit(self._target.url).username}",
            "pool_mode = transaction",
            f"default_pool_size = {self._pool_size}",
            f"max_client_conn = {self._most_clients}",
            f"query_wait_timeout = {self._wait_seconds}",
            "server_login_retry = 1",
        ]
        return [*options, *(["max_prepared_statements = 0"] if self._version() >= _FIRST_WITH_PREPARED else [])]

    def _version(self) -> tuple[int, int]:
        told = subprocess.run(
            [self._program, "--version"], capture_output=True, text=True, check=True, timeout=10
        ).stdout
        found = re.search(r"(\d+)\.(\d+)", told)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)


@contextmanager
def pgbouncer(
    target: PostgresServer, pool_size: int, *, most_clients: int = 200, wait_seconds: int = WAIT_SECONDS
) -> Iterator[PgBouncer]:
    """Run a proxy for the time of the `with` block; who waits longer than `wait_seconds` for a session is refused."""
    place = Path(tempfile.mkdtemp(prefix="scheduler-pgbouncer-"))
    server = PgBouncer(place, target, pool_size, most_clients=most_clients, wait_seconds=wait_seconds)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)
