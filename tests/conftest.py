"""Real parts for every test that wants them: one Postgres and one Valkey a test process, a fresh database a test."""

import os
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis
from hypothesis import settings as examples

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.migrate import migrate
from scheduler.runtime import connection as wiring
from scheduler.settings import ENVIRONMENT
from tests.support.api import Api
from tests.support.clock import Clock
from tests.support.databases import migrated_database
from tests.support.limits import RAISED_LIMITS
from tests.support.roles import ByRole
from tests.support.wiring import forget_wiring
from tools.embedded import PostgresServer, ValkeyServer, postgres, valkey
from tools.pgbouncer import PgBouncer, pgbouncer
from tools.pgbouncer.__main__ import SUITE_ASKED_FOR

TEMPLATE = "migrated"

# How long Hypothesis tries: the same examples each time in `make test`, ten times as many and new ones in `make model`.
examples.register_profile(
    "short", max_examples=200, stateful_step_count=50, deadline=None, derandomize=True, print_blob=True
)
examples.register_profile("long", examples.get_profile("short"), max_examples=2000, derandomize=False)
examples.load_profile("short")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A cluster with one migrated database that the others are copied from."""
    with postgres() as server:
        migrated_database(server, TEMPLATE)
        yield server


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """A Valkey node."""
    with valkey() as server:
        yield server


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of a fresh migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    url = postgres_server.create_database(name, TEMPLATE)
    migrate(url)  # a copy comes without the limits of its sessions
    yield url
    postgres_server.drop_database(name)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A connection to the fresh database."""
    connection = Database(lambda: database_url)
    yield connection
    connection.close()


@pytest.fixture
def clock(database: Database) -> Clock:
    """The database's clock, which the test moves on."""
    return Clock(database)


@pytest.fixture
def redis_url(valkey_server: ValkeyServer) -> str:
    """URL of an empty Valkey."""
    with redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture(scope="session")
def suite_proxy(postgres_server: PostgresServer) -> Iterator[PgBouncer | None]:
    """The proxy of `make proxy-test ARGS=--suite`, between all functions and Postgres; otherwise none."""
    if SUITE_ASKED_FOR not in os.environ:
        yield None
        return
    with pgbouncer(postgres_server, pool_size=8) as proxy:
        yield proxy


@pytest.fixture
def function_url(database_url: str, suite_proxy: PgBouncer | None) -> str:
    """URL of the fresh database as the functions have it."""
    return suite_proxy.url_of(urlsplit(database_url).path.strip("/")) if suite_proxy else database_url


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, function_url: str) -> Iterator[pytest.MonkeyPatch]:
    """The functions' environment, with a database and without Redis; set more before the first call.

    Each function connects as its role, so that every test of them is one of the wall between tenants too.
    """
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", function_url)
    monkeypatch.setattr(wiring, "Database", ByRole)
    forget_wiring()
    yield monkeypatch
    runtime.database().close()
    forget_wiring()


@pytest.fixture
def api(environment: pytest.MonkeyPatch, valkey_server: ValkeyServer, redis_url: str) -> Api:
    """The HTTP functions, called as API Gateway would, on real Postgres and Valkey."""
    environment.setenv("REDIS_HOST", "127.0.0.1")
    environment.setenv("REDIS_PORT", str(valkey_server.port))
    for name, limit in RAISED_LIMITS.items():
        environment.setenv(name, limit)
    return Api()
