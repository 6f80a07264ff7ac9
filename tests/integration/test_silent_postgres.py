"""A Postgres that accepts and then falls silent costs a bounded wait and a clear, retryable answer."""

from collections.abc import Iterator

import pytest
from psycopg2 import errors

from scheduler.adapters.postgres import connection
from scheduler.adapters.postgres.migrate import migrate
from scheduler.domain.errors import Unavailable
from scheduler.patience import one_patience
from tests.support.api import SERVICE, Answer, Api
from tests.support.roles import let_roles_in
from tools.embedded import PostgresServer, postgres


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A Postgres that the test may freeze."""
    with postgres() as server:
        yield server
        server.resume()


@pytest.fixture
def fragile_api(environment: pytest.MonkeyPatch, own_postgres: PostgresServer) -> Api:
    """The functions over it, with little patience and a warm connection."""
    environment.setattr(connection, "ANSWER_TIMEOUT_SECONDS", 0.5)
    url = own_postgres.create_database("fragile")
    migrate(url)
    let_roles_in(own_postgres)
    environment.setenv("DATABASE_URL", url)
    api = Api()
    assert api.get("/scheduler/devices/available", SERVICE).status == 200
    return api


def assert_unavailable(answer: Answer) -> None:
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_warm_connection_does_not_wait_for_ever(fragile_api: Api, own_postgres: PostgresServer) -> None:
    own_postgres.pause()

    assert_unavailable(fragile_api.allocate())
    assert_unavailable(fragile_api.release("phone"))  # by now the connection is a new one that never opens


def test_when_it_speaks_again_so_do_we(fragile_api: Api, own_postgres: PostgresServer) -> None:
    own_postgres.pause()
    assert_unavailable(fragile_api.get("/scheduler/devices/available", SERVICE))

    own_postgres.resume()

    assert fragile_api.get("/scheduler/devices/available", SERVICE).status == 200


def test_a_request_that_has_waited_long_sends_nothing_more(
    environment: pytest.MonkeyPatch, own_postgres: PostgresServer
) -> None:
    environment.setattr(connection, "PATIENCE_SECONDS", 0.3)
    database = connection.Database(lambda: own_postgres.url)

    with one_patience():
        database.call("SELECT pg_sleep(0.4)", {})
        with pytest.raises(Unavailable):
            database.call("SELECT 1", {})
    assert database.round_trips == 1
    database.call("SELECT pg_sleep(0.4)", {})
    database.call("SELECT 1", {})  # on their own
    database.close()


def test_one_deadline_holds_for_a_statement_its_connection_and_its_second_try(
    environment: pytest.MonkeyPatch, own_postgres: PostgresServer
) -> None:
    environment.setattr(connection, "ANSWER_TIMEOUT_SECONDS", 1.0)
    database = connection.Database(lambda: own_postgres.url)
    tries: list[float] = []

    def late(_: object) -> None:
        tries.append(database._left())
        raise errors.LockNotAvailable

    with pytest.raises(Unavailable):
        database._run(late)
    assert len(tries) == 2
    assert tries[1] < tries[0]
    database.close()


def test_those_refused_together_do_not_come_back_together() -> None:
    spread = {connection.unavailable().retry_after_seconds for _ in range(100)}

    assert spread == {2, 3, 4, 5}
