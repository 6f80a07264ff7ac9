"""Brings a database to this version: ordered migrations once each, routines whenever they change."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  its own name, as a type

from scheduler.adapters.postgres.connection import refusing_bad_urls
from scheduler.adapters.postgres.definers import DEFINERS, HAND_OVER

_LOCK = 0x5CED_0001
_LEDGERS = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name varchar(100) PRIMARY KEY, checksum varchar(64) NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE IF NOT EXISTS schema_routines (
    name varchar(100) PRIMARY KEY, checksum varchar(64) NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
"""
_NO_TRANSACTION = "-- no-transaction"
# No session waits or idles without bound, whatever a frozen or killed function leaves behind. Set on the database, not
# by SET: a pooling proxy cannot multiplex a session that ran SET. By each run: a restored database comes without.
_SESSION_LIMITS = {
    "lock_timeout": "3s",
    "statement_timeout": "9s",
    "idle_in_transaction_session_timeout": "10s",
    "timezone": "UTC",
}


class MigrationChanged(Exception):
    """A migration that was applied has another text now: migrations are never edited, only added."""


@dataclass(frozen=True, slots=True)
class Script:
    """One SQL file: its name without ending, its text."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run changed, and the version the database has now."""

    applied: tuple[str, ...]
    routines: tuple[str, ...]
    version: str


def scripts(folder: str) -> list[Script]:
    """Read the SQL files of `migrations` or `routines`, in the order of their names."""
    files = resources.files("scheduler.adapters.postgres").joinpath(folder).iterdir()
    found = [Script(file.name.removesuffix(".sql"), file.read_text()) for file in files if file.name.endswith(".sql")]
    return sorted(found, key=lambda script: script.name)


def migrate(dsn: str) -> Migrated:
    """Apply what is missing. Two runs at once take turns; a failed script leaves nothing behind.

    The connection must not go through a transaction-pooling proxy: the lock belongs to the session, so that a migration
    may also run outside a transaction.

    Raises:
        MigrationChanged: An applied migration was edited.
    """
    with refusing_bad_urls():
        connection = psycopg2.connect(dsn, connect_timeout=5, application_name="migrate")
    connection.autocommit = True
    try:
        _run(connection, f"SET statement_timeout = 0; SET lock_timeout = '60s'; SELECT pg_advisory_lock({_LOCK})")
        _run(connection, _LEDGERS)
        _limit_sessions(connection)
        migrations, routines = scripts("migrations"), scripts("routines")
        applied = tuple(_apply_new(connection, migrations))
        changed = tuple(_apply_changed(connection, routines))
        _run(connection, HAND_OVER, (list(DEFINERS),))
        return Migrated(applied, changed, migrations[-1].name.partition("_")[0])
    finally:
        connection.close()


def _limit_sessions(connection: Connection) -> None:
    for name, value in _SESSION_LIMITS.items():
        _run(
            connection,
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET %%I = %%L', current_database(), %s, %s); END $$",
            (name, value),
        )


def _apply_new(connection: Connection, migrations: Iterable[Script]) -> Iterable[str]:
    ledger = _ledger(connection, "schema_migrations")
    for script in migrations:
        known = ledger.get(script.name)
        if known == script.checksum:
            continue
        if known is not None:
            raise MigrationChanged(script.name)
        _apply(connection, script, "schema_migrations")
        yield script.name


def _apply_changed(connection: Connection, routines: Iterable[Script]) -> Iterable[str]:
    # All at once: a request that comes meanwhile meets none that calls one that is not there yet.
    ledger = _ledger(connection, "schema_routines")
    changed = [script for script in routines if ledger.get(script.name) != script.checksum]
    _apply_together(connection, changed, "schema_routines")
    return [script.name for script in changed]


def _apply(connection: Connection, script: Script, ledger: str) -> None:
    if script.text.startswith(_NO_TRANSACTION):
        _run_and_remember(connection, script, ledger)
    else:
        _apply_together(connection, [script], ledger)


def _apply_together(connection: Connection, scripts: Iterable[Script], ledger: str) -> None:
    connection.autocommit = False
    try:
        with connection:
            # Bodies are not checked now: a routine may call one that comes later in the alphabet.
            _run(connection, "SET LOCAL check_function_bodies = off")
            for script in scripts:
                _run_and_remember(connection, script, ledger)
    finally:
        connection.autocommit = True


def _run_and_remember(connection: Connection, script: Script, ledger: str) -> None:
    _run(connection, script.text)
    _run(
        connection,
        f"INSERT INTO {ledger} (name, checksum) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = clock_timestamp()",
        (script.name, script.checksum),
    )


def _ledger(connection: Connection, table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT name, checksum FROM {table}")
        return dict(cursor.fetchall())


def _run(connection: Connection, statement: str, parameters: tuple[Any, ...] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
