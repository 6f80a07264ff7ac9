"""A migrated database behind PgBouncer. Only `make proxy-test` asks for these tests: few machines have a PgBouncer."""

import os
from collections.abc import Iterator

import pytest

from tests.support.databases import migrated_database
from tests.support.statements import LOG_EVERYTHING
from tools.embedded import PostgresServer, postgres
from tools.pgbouncer import PgBouncer, pgbouncer
from tools.pgbouncer.__main__ import ASKED_FOR

collect_ignore_glob = [] if ASKED_FOR in os.environ else ["test_*.py"]

DATABASE = "proxied"
POOL_SIZE = 4


@pytest.fixture
def target() -> Iterator[PostgresServer]:
    """The Postgres behind the proxy, which logs every statement; migrated past the proxy, as migrations must be."""
    with postgres(settings=LOG_EVERYTHING) as server:
        migrated_database(server, DATABASE)
        yield server


@pytest.fixture
def proxy(target: PostgresServer) -> Iterator[PgBouncer]:
    """The proxy."""
    with pgbouncer(target, POOL_SIZE) as server:
        yield server


@pytest.fixture
def direct_url(target: PostgresServer) -> str:
    """URL of the database past the proxy."""
    return target.url_of(DATABASE)


@pytest.fixture
def proxied_url(environment: pytest.MonkeyPatch, proxy: PgBouncer) -> str:
    """URL of the database through the proxy, which the functions use."""
    url = proxy.url_of(DATABASE)
    environment.setenv("DATABASE_URL", url)
    return url
