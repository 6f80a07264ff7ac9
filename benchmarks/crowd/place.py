"""Where a crowd runs: Postgres with a fleet, Valkey, and PgBouncer before it, or not."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg2

from benchmarks.crowd.callers import USERS
from benchmarks.stage import fleet_columns
from scheduler.adapters.postgres.logins import LOGIN_ROLES
from tools.embedded import as_role, postgres, valkey
from tools.pgbouncer import pgbouncer

CONNECTIONS = 50
_ROLE = "scheduler_app"
_DATABASE = "crowd"
_RESERVED = 3
"""Of `max_connections`, for superusers: migrations, the ledger and who counts sessions here."""
_LOOK_SECONDS = 0.05
_BATCH = 100
_CONNECT_SECONDS = 20.0
_MANY = "1000000"


@dataclass(slots=True)
class Place:
    """The database's URL for who looks after it, and that of the functions."""

    owner_url: str
    functions_url: str
    environment: dict[str, str] = field(default_factory=dict)


@contextmanager
def place(*, environments: int, proxied: bool, wait_seconds: int) -> Iterator[Place]:
    """Start all with 50 connections for the functions; those wait in PgBouncer, or are refused by Postgres itself."""
    most = CONNECTIONS + _RESERVED if not proxied else 2 * CONNECTIONS
    with ExitStack() as started:
        server = started.enter_context(postgres(settings={"max_connections": str(most)}))
        cache = started.enter_context(valkey())
        url = server.create_database(_DATABASE)
        through = url
        if proxied:
            clients = environments + 50
            proxy = pgbouncer(server, CONNECTIONS, most_clients=clients, wait_seconds=wait_seconds)
            through = started.enter_context(proxy).url_of(_DATABASE)
        functions = environment(as_role(through, _ROLE), cache.port)
        fill(url)
        server.let_in(*LOGIN_ROLES)
        yield Place(url, as_role(through, _ROLE), os.environ | functions)


def environment(url: str, redis_port: int) -> dict[str, str]:
    rates = dict.fromkeys(("RATE_WRITE_PER_MINUTE", "RATE_QUERY_PER_MINUTE", "RATE_SERVICE_PER_MINUTE"), _MANY)
    return rates | {
        "DATABASE_URL": url,
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_port),
        "REDIS_TLS": "false",
        "REDIS_CLUSTER": "false",
        "USER_SERVICE_URL": "",
        "DEFAULT_PLAN": "enterprise",
        "POWERTOOLS_SERVICE_NAME": "scheduler",
        "POWERTOOLS_METRICS_NAMESPACE": "CloudPhoneScheduler",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def fill(url: str) -> None:
    """Migrate, and register a device more than there are users."""
    from scheduler.adapters.postgres.connection import Database
    from scheduler.adapters.postgres.devices import PostgresDevices
    from scheduler.adapters.postgres.migrate import migrate
    from scheduler.adapters.postgres.quotas import seed_plans
    from scheduler.domain.plans import BUILT_IN_PLANS

    migrate(url)
    database, fleet = Database(lambda: url), fleet_columns(USERS + 1)
    seed_plans(database, BUILT_IN_PLANS)
    devices = PostgresDevices(database)
    for start in range(0, len(fleet), _BATCH):
        devices.register(fleet[start : start + _BATCH], None)
    database.call("ANALYZE", {})
    database.close()


class Watch:
    """Counts sessions of the functions in Postgres, twenty times a second, and holds up the database on demand."""

    def __init__(self, url: str) -> None:
        """Connect as who looks after the database."""
        self._url = url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.most_sessions = 0

    def __enter__(self) -> "Watch":
        """Begin to count."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop counting."""
        self._stopped.set()
        self._thread.join()

    def slow_down(self, clock_seconds: float) -> None:
        """Make the routines' clock take so long; a grant looks at it four times, a release two or three times."""
        session = _session(self._url)
        with session, session.cursor() as cursor:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
                " $$ SELECT clock_timestamp() FROM pg_sleep(%s) $$",
                [clock_seconds],
            )
        session.close()

    def hold_up(self, seconds: float) -> threading.Thread:
        """Lock the table of devices for so long, as a careless change of it would: no grant, no release."""
        thread = threading.Thread(target=self._lock, args=(seconds,), daemon=True)
        thread.start()
        return thread

    def _look(self) -> None:
        session = _session(self._url)
        session.autocommit = True
        with session.cursor() as cursor:
            while not self._stopped.wait(_LOOK_SECONDS):
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (_ROLE,))
                found = cursor.fetchone()
                self.most_sessions = max(self.most_sessions, found[0] if found else 0)
        session.close()

    def _lock(self, seconds: float) -> None:
        session = _session(self._url)
        with session, session.cursor() as cursor:
            cursor.execute("LOCK TABLE devices IN ACCESS EXCLUSIVE MODE")
            self._stopped.wait(seconds)
        session.close()


def _session(url: str) -> "psycopg2.extensions.connection":
    """Connect as a superuser, for whom some are kept; while all the others are asked for it takes some tries."""
    until = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            return psycopg2.connect(url)
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK_SECONDS)
