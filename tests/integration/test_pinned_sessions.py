"""No statement of any function would pin a session of a proxy that pools transactions."""

from collections.abc import Iterator

import pytest

from scheduler import runtime
from scheduler.adapters.postgres.migrate import migrate
from tests.support.api import Api
from tests.support.roles import let_roles_in
from tests.support.samples import neighbourhood, run_samples
from tests.support.statements import LEFT_IN_THE_SESSION, LOG_EVERYTHING, LONGEST_TEXT, logged_statements, pinning
from tools.embedded import PostgresServer, ValkeyServer, postgres
from tools.handlers import function_names


@pytest.fixture
def logging_postgres() -> Iterator[PostgresServer]:
    """A Postgres that logs every statement."""
    with postgres(settings=LOG_EVERYTHING) as server:
        let_roles_in(server)
        yield server


def test_no_function_pins_a_session(
    environment: pytest.MonkeyPatch, logging_postgres: PostgresServer, valkey_server: ValkeyServer, redis_url: str
) -> None:
    url = logging_postgres.create_database("logged")
    environment.setenv("DATABASE_URL", url)
    with neighbourhood(environment, valkey_server) as own:
        assert run_samples(url, own) == set(function_names())
    left = runtime.database().rows(LEFT_IN_THE_SESSION, {})

    statements = logged_statements(logging_postgres)

    assert any("claim_device" in statement for statement in statements), "the log does not show what the functions do"
    assert pinning(statements) == []
    assert left == []


def test_nor_does_the_quota_of_a_built_in_plan(
    environment: pytest.MonkeyPatch, logging_postgres: PostgresServer
) -> None:
    url = logging_postgres.create_database("logged")
    migrate(url)
    environment.setenv("DATABASE_URL", url)
    api = Api()
    api.add_devices(1)

    assert api.allocate().status == 201

    statements = logged_statements(logging_postgres)
    assert any("read_quotas" in statement for statement in statements)
    assert pinning(statements) == []


@pytest.mark.parametrize(
    "message",
    [
        "statement: SET lock_timeout = 0",
        "statement: SELECT 1; set search_path = public",
        "statement: PREPARE p AS SELECT 1",
        "statement: LISTEN news",
        "statement: DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "statement: CREATE TEMP TABLE t (i int)",
        "statement: SELECT pg_advisory_lock(1)",
        "statement: SELECT pg_try_advisory_lock_shared(1)",
        "statement: SELECT set_config('app.tenant', lower('ACME'), false)",
        "statement: BEGIN",
        "execute p: SELECT 1",
        "statement: SELECT '" + "x" * LONGEST_TEXT + "'",
    ],
)
def test_a_statement_that_would_is_recognized(message: str) -> None:
    assert pinning([message]) == [message]


@pytest.mark.parametrize(
    "message",
    [
        "statement: SELECT claim_device('acme', 'alice')",
        "statement: UPDATE outbox SET published_at = scheduler_clock()",
        "statement: SELECT set_config('app.tenant', 'acme', true)",
        "statement: SELECT pg_advisory_xact_lock(1)",
    ],
)
def test_one_that_ends_with_its_transaction_is_not(message: str) -> None:
    assert pinning([message]) == []


@pytest.mark.parametrize(
    "statement",
    [
        "SET lock_timeout = '4s'",
        "LISTEN news",
        "PREPARE p AS SELECT 1",
        "CREATE TEMP TABLE t ()",
        "SELECT pg_advisory_lock(1)",
    ],
)
def test_what_a_session_keeps_is_seen(database, statement: str) -> None:
    database.call(statement, {})

    assert len(database.rows(LEFT_IN_THE_SESSION, {})) == 1
