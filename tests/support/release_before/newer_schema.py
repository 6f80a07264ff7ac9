"""A pytest plugin for the release before: its tests get databases of the newer schema, owned as in production.

Loaded into that release's own process, where `scheduler` and `tools` are its own. Migrations and routines are the newer
checkout's (NEWER_ROOT), applied by the newer checkout's code in a process of its own. The owner is no superuser: row
security does not bind one, and would go untested.
"""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from scheduler.adapters.postgres import migrate as own
from tools.embedded import PostgresServer

OWNER = "release_owner"
_PASSWORD = "owner"
_created = PostgresServer.create_database
_own_migrate = own.migrate


class _NewerMigrate:
    """The newer checkout's migrate; started once. A database that is new gets this release's own schema first."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, dsn: str) -> own.Migrated:
        """Bring a database to the newer schema, as a deployment does.

        Raises:
            RuntimeError: The newer migrations failed; standard error has why.
        """
        if _is_new(dsn):
            _own_migrate(dsn)
        pipe = self._pipe()
        assert pipe.stdin is not None
        assert pipe.stdout is not None
        pipe.stdin.write(dsn + "\n")
        pipe.stdin.flush()
        version = pipe.stdout.readline().strip()
        if not version:
            raise RuntimeError("the newer migrations failed")
        return own.Migrated((), (), version)

    def _pipe(self) -> subprocess.Popen[str]:
        if self._process is None:
            root = Path(os.environ["NEWER_ROOT"])
            path = os.pathsep.join([str(root / "layers/shared/python"), str(root)])
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.release_before.newer_migrate"],
                cwd=root,
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        return self._process

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()


def _is_new(dsn: str) -> bool:
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('schema_migrations') IS NULL")
            row = cursor.fetchone()
            return bool(row and row[0])
    finally:
        connection.close()


_migrate = _NewerMigrate()


def _owned_database(server: PostgresServer, name: str, template: str = "template1") -> str:
    """Create a database, as before, and give the URL of an owner with no more rights than AWS gives to one."""
    url = _created(server, name, template)
    connection = psycopg2.connect(server.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (OWNER,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE NOSUPERUSER PASSWORD '{_PASSWORD}'")
            cursor.execute(f"GRANT pg_monitor, pg_signal_backend TO {OWNER} WITH ADMIN OPTION")
        cursor.execute(f'ALTER DATABASE "{name}" OWNER TO {OWNER}')
    connection.close()
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{OWNER}:{_PASSWORD}@{parts.hostname}:{parts.port}"))


# As soon as this module is imported: conftest.py imports both by name, before pytest configures anything.
own.migrate = _migrate  # type: ignore[assignment]
PostgresServer.create_database = _owned_database  # type: ignore[method-assign]


def pytest_unconfigure() -> None:
    """Leave no process behind."""
    _migrate.stop()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the first case of each test: cases differ in what they ask, rarely in what the database does."""
    first: dict[str, pytest.Item] = {}
    for item in items:
        first.setdefault(item.nodeid.partition("[")[0], item)
    config.hook.pytest_deselected(items=[item for item in items if item not in first.values()])
    items[:] = first.values()
