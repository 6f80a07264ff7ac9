"""Sessions of the functions as Postgres sees them: wait for one to be somewhere, end it there."""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812  its own name, as a type

PATIENCE_SECONDS = 30.0


@contextmanager
def administrator(url: str) -> Iterator[Connection]:
    """A session beside those of the functions, in autocommit."""
    connection = psycopg2.connect(url, application_name="administrator")
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def holding(url: str, statement: str) -> Iterator[Connection]:
    """A session that keeps the locks of a statement until the block ends or it is told `rollback`."""
    connection = psycopg2.connect(url, application_name="holder")
    try:
        connection.cursor().execute(statement)
        yield connection
    finally:
        connection.close()


def one(session: Connection, statement: str, *parameters: object) -> object:
    """Run a statement that gives one value."""
    with session.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
        return row[0] if row else None


def waiting(session: Connection, event: str, without: Collection[int] = ()) -> int:
    """Wait for a session of the functions that waits for an event, as `Lock`; give its process id."""
    return eventually(
        lambda: one(
            session,
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'scheduler'"
            " AND %s IN (wait_event_type, wait_event) AND pid <> ALL (%s)",
            event,
            list(without),
        )
    )


def committing(session: Connection) -> int:
    """Wait for a session of the functions in its slow commit (`commit_delay`); give its process id."""
    return eventually(
        lambda: one(
            session,
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'scheduler' AND state = 'active'"
            " AND backend_xid IS NOT NULL AND clock_timestamp() - xact_start > interval '50 milliseconds'",
        )
    )


def eventually[T](read: Callable[[], T | None]) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (found := read()) is not None:
            return found
    raise AssertionError("it did not happen")


def terminate(session: Connection, pid: int) -> None:
    """End a session as an administrator does, and return when its process is gone."""
    assert one(session, "SELECT pg_terminate_backend(%s, 10000)", pid)
