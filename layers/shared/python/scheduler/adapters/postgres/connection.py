"""One connection an execution environment: opened late, in autocommit, replaced when it breaks."""

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from select import select
from typing import Any

import msgspec
import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ
from psycopg2.extensions import connection as Connection  # noqa: N812  its own name, as a type
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from psycopg2.extras import RealDictCursor, register_default_jsonb

from scheduler.acting import acting_for
from scheduler.adapters.postgres.composites import write_tuples_so
from scheduler.adapters.postgres.failures import passes_soon, proves_no_effect, refuses_credentials
from scheduler.domain.errors import Unavailable
from scheduler.patience import add_wait, waited_seconds

logger = logging.getLogger(__name__)
register_default_jsonb(globally=True, loads=msgspec.json.decode)
write_tuples_so()

CONNECT_TIMEOUT_SECONDS = 2
ANSWER_TIMEOUT_SECONDS = 10
"""A statement with its connection and its second try. The server gives up after 9 s by itself; beyond that it is gone,
or the way to it is."""
PATIENCE_SECONDS = 8
"""A request that has waited so long for earlier statements sends no further one: it is refused without effect."""
PING_AFTER_IDLE_SECONDS = 10.0
"""A network may forget an idle connection without a word to either end."""
RECONNECT_PAUSE_SECONDS = (0.1, 0.4)
"""At least and at most: those that were disconnected together do not come back together."""
RETRY_WITHIN_SECONDS = 5.0
"""A try that failed later has used up the time of a second one."""
RETRY_AFTER_SECONDS = (2, 5)
"""At least and at most, for the same reason."""

_FOR_TENANT = "SELECT set_config('app.tenant', %(acting_tenant)s, true);"
_BY_OPERATOR = (
    "SELECT set_config('app.operator', %(acting_operator)s, true), set_config('app.act', %(acting_act)s, true);"
)

Parameters = Mapping[str, Any]
Row = dict[str, Any]


class NotAConnectionUrl(ValueError):
    """The connection URL cannot be read. It is not quoted: it may hold a password."""


class StatementFailed(Exception):
    """A statement that should not have failed did.

    Tells what Postgres calls it (class, SQLSTATE, constraint), never its text: that quotes rows, which hold addresses
    and personal data, and exceptions reach logs.
    """


class Database:
    """Runs single statements, each its own transaction; tells trouble as `Unavailable`.

    A statement is sent again, once, only where the first try proved to be without effect. One whose answer is lost may
    have committed: the caller repeats it under its idempotency key.
    """

    def __init__(self, dsn: Callable[[], str], forget_credentials: Callable[[], None] = lambda: None) -> None:
        """Take the connection string late (it may cost a call to Secrets Manager), and what makes it read anew."""
        self._dsn = dsn
        self._forget_credentials = forget_credentials
        self._connection: Connection | None = None
        self._used_at = 0.0
        self._deadline = 0.0
        self.round_trips = 0

    def call(self, statement: str, parameters: Parameters) -> Any:
        """Run a statement that gives one value."""
        rows = self._run(lambda connection: _values(connection, statement, parameters, self._left()))
        return rows[0][0] if rows else None

    def rows(self, statement: str, parameters: Parameters) -> list[Row]:
        """Run a statement that gives rows, as mappings by column."""
        return self._run(lambda connection: _mappings(connection, statement, parameters, self._left()))

    def answers(self) -> bool:
        """Tell whether Postgres answers now."""
        try:
            return bool(self.call("SELECT true", {}))
        except Unavailable:
            return False

    def close(self) -> None:
        """Hang up; the next statement opens a new connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run[T](self, work: Callable[[Connection], T]) -> T:
        if waited_seconds() > PATIENCE_SECONDS:
            raise unavailable()
        started = time.monotonic()
        self._deadline = started + ANSWER_TIMEOUT_SECONDS
        try:
            return self._with_one_retry(work)
        except (psycopg2.InterfaceError, psycopg2.OperationalError) as error:
            self.close()
            logger.warning("degraded", extra={"part": "postgres", "reason": type(error).__name__, "code": error.pgcode})
            raise unavailable() from error
        except psycopg2.Error as error:
            raise StatementFailed(f"{type(error).__name__} {error.pgcode} {error.diag.constraint_name or ''}") from None
        finally:
            add_wait(time.monotonic() - started)

    def _with_one_retry[T](self, work: Callable[[Connection], T]) -> T:
        started = time.monotonic()
        try:
            return self._once(work)
        except psycopg2.OperationalError as error:
            if not proves_no_effect(error) or time.monotonic() - started > RETRY_WITHIN_SECONDS:
                raise
            _log_retry(error)
        return self._once(work)

    def _left(self) -> float:
        """Seconds that are left for an answer.

        Raises:
            OperationalError: None: nothing is sent whose answer nobody waits for.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise psycopg2.OperationalError("no time is left")
        return left

    def _once[T](self, work: Callable[[Connection], T]) -> T:
        connection = self._usable()
        self.round_trips += 1
        result = work(connection)
        self._used_at = time.monotonic()
        return result

    def _usable(self) -> Connection:
        kept = self._connection
        if kept is not None and (self._is_fresh(kept) or _answers(kept)):
            return kept
        self.close()
        self._connection = self._open()
        return self._connection

    def _is_fresh(self, kept: Connection) -> bool:
        if kept.closed or time.monotonic() - self._used_at > PING_AFTER_IDLE_SECONDS:
            return False
        # Nothing was asked, so what there is to read is most likely a farewell. Seen before sending, it costs nothing.
        return not select([kept], [], [], 0)[0]

    def _open(self) -> Connection:
        """Connect, at most twice: nothing was sent yet, so trying again is always safe, but seldom of use."""
        dsn = self._dsn()
        try:
            return connect(dsn)
        except psycopg2.OperationalError as error:
            if refuses_credentials(error):
                self._forget_credentials()
                if dsn == (dsn := self._dsn()):
                    raise
            elif passes_soon(error):
                time.sleep(random.uniform(*RECONNECT_PAUSE_SECONDS))
            else:
                raise
            _log_retry(error)
        return connect(dsn)


def unavailable() -> Unavailable:
    """Give the answer to who asked in vain, with a time to come back that others were not given."""
    return Unavailable(retry_after_seconds=random.randint(*RETRY_AFTER_SECONDS))


def _log_retry(error: psycopg2.Error) -> None:
    logger.warning("tried again", extra={"part": "postgres", "reason": type(error).__name__, "code": error.pgcode})


def connect(dsn: str) -> Connection:
    """Open an asynchronous connection (always in autocommit): only that lets us stop waiting for a silent server.

    Raises:
        OperationalError: Nobody answers there in time.
        NotAConnectionUrl: That is none.
    """
    with refusing_bad_urls():
        connection = psycopg2.connect(
            dsn,
            async_=True,
            application_name="scheduler",
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=2,
            tcp_user_timeout=9000,
        )
    _wait(connection, CONNECT_TIMEOUT_SECONDS)
    return connection


@contextmanager
def refusing_bad_urls() -> Iterator[None]:
    """Tell that a connection URL cannot be read without quoting it, as libpq does.

    Raises:
        NotAConnectionUrl: It cannot.
    """
    try:
        yield
    except psycopg2.ProgrammingError:
        raise NotAConnectionUrl from None


def _wait(connection: Connection, seconds: float) -> None:
    """Wait for the server to answer what was asked.

    Raises:
        OperationalError: No answer came in time. What was asked may have happened.
    """
    deadline = time.monotonic() + seconds
    while (state := connection.poll()) != POLL_OK:
        reading, writing = ([connection], []) if state == POLL_READ else ([], [connection])
        if not any(select(reading, writing, [], max(deadline - time.monotonic(), 0))):
            raise psycopg2.OperationalError("no answer in time")


def _answers(connection: Connection) -> bool:
    try:
        _values(connection, "SELECT 1", {}, CONNECT_TIMEOUT_SECONDS)
    except psycopg2.Error:
        return False
    return True


def _send(cursor: Cursor, statement: str, parameters: Parameters) -> None:
    """Send a statement and, before it in the same message, on whose behalf it runs.

    Both are one transaction, which the settings end with: the next client of a pooled session sees nothing of them.
    """
    acting = acting_for()
    if acting is None:
        cursor.execute(statement, parameters)
    elif acting.operator:
        act = json.dumps({"route": acting.route, "correlationId": acting.correlation_id})
        told = {"acting_operator": acting.operator, "acting_act": act}
        cursor.execute(_BY_OPERATOR + statement, {**parameters, **told})
    else:
        cursor.execute(_FOR_TENANT + statement, {**parameters, "acting_tenant": acting.tenant_id})


def _values(connection: Connection, statement: str, parameters: Parameters, seconds: float) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        _send(cursor, statement, parameters)
        _wait(connection, seconds)
        return cursor.fetchall() if cursor.description else []


def _mappings(connection: Connection, statement: str, parameters: Parameters, seconds: float) -> list[Row]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        _send(cursor, statement, parameters)
        _wait(connection, seconds)
        return [dict(row) for row in cursor.fetchall()] if cursor.description else []
