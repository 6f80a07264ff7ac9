"""Databases of a given size, for parts that ask what becomes slower as it grows."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg2

from benchmarks.apart import apart
from benchmarks.kept import ROOT
from tools.embedded import PostgresServer, postgres
from tools.population import BULKY, Size, Tell, populate


def populated(server: PostgresServer, name: str, size: Size, tell: Tell) -> str:
    """Create, migrate and fill a database; give its URL."""
    before = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = url = server.create_database(name)
    try:
        apart(_migrate)
    finally:
        os.environ["DATABASE_URL"] = before
    populate(url, size, tell)
    return url


@contextmanager
def server_on_disk(name: str, settings: Mapping[str, str] = BULKY) -> Iterator[PostgresServer]:
    """Run a server whose rows may be more than memory should hold; they are deleted afterwards."""
    folder = ROOT / ".local" / "bench" / f"{name}-postgres"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with postgres(folder, settings=settings) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def query(url: str, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Run one statement as the superuser."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def _migrate() -> None:
    from scheduler.runtime import database
    from scheduler.runtime.migration import migrate_database

    migrate_database()
    database().close()
