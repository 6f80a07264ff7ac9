"""A lost connection costs nothing where that is certain, else a clear answer; never a second effect."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import psycopg2
import pytest

from scheduler import runtime
from scheduler.adapters.postgres import connection
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.migrate import migrate
from scheduler.domain.errors import Unavailable
from tests.support import scripted_postgres as script
from tests.support.api import Answer, Api
from tests.support.ledger import assert_ledger_agrees
from tests.support.roles import let_roles_in
from tests.support.scripted_postgres import scripted_postgres
from tests.support.sessions import administrator, committing, eventually, holding, one, terminate, waiting
from tools.embedded import PostgresServer, postgres

ALICES_USAGE = "SELECT FROM quota_usage WHERE user_id = 'alice' FOR UPDATE"
GRANTED = "SELECT count(*) FROM device_allocations"


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], Answer]], Future[Answer]]]:
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit


@pytest.fixture
def warm_api(environment: pytest.MonkeyPatch, database: Database) -> Api:
    """The functions with a warm connection; alice has a usage row and nothing lent."""
    return warm(Api())


@pytest.fixture
def own_postgres(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A Postgres that the test may break, with settings of its own."""
    with postgres(**getattr(request, "param", {})) as server:
        yield server


@pytest.fixture
def fragile_url(environment: pytest.MonkeyPatch, own_postgres: PostgresServer) -> str:
    url = own_postgres.create_database("fragile")
    migrate(url)
    let_roles_in(own_postgres)
    environment.setenv("DATABASE_URL", url)
    return url


@pytest.fixture
def fragile_api(fragile_url: str) -> Api:
    return warm(Api())


def warm(api: Api) -> Api:
    api.add_devices(3)
    runtime.database().call("INSERT INTO quota_usage (tenant_id, user_id) VALUES ('acme', 'alice')", {})
    return api


def backend() -> int:
    """Process id of the functions' session."""
    pid: int = runtime.database().call("SELECT pg_backend_pid()", {})
    return pid


def assert_unavailable(answer: Answer) -> None:
    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def pause_by(environment: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen where the adapter would pause."""
    environment.setattr(connection, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: act()))


# --- where it is certain that nothing happened


def test_a_session_that_was_terminated_while_idle_costs_nothing(warm_api: Api, database_url: str) -> None:
    with administrator(database_url) as session:
        terminate(session, backend())

        assert warm_api.allocate().status == 201

        assert one(session, GRANTED) == 1


def test_a_session_that_is_terminated_while_it_waits_is_asked_again(
    warm_api: Api, database: Database, database_url: str, in_background
) -> None:
    with administrator(database_url) as session, holding(database_url, ALICES_USAGE) as holder:
        answer = in_background(warm_api.allocate)
        first = waiting(session, "Lock")
        terminate(session, first)
        waiting(session, "Lock", without=[first])
        holder.rollback()

        assert answer.result().status == 201

        assert one(session, GRANTED) == 1
    assert_ledger_agrees(database)


def test_a_second_termination_is_told(warm_api: Api, database: Database, database_url: str, in_background) -> None:
    with administrator(database_url) as session, holding(database_url, ALICES_USAGE):
        answer = in_background(warm_api.allocate)
        first = waiting(session, "Lock")
        terminate(session, first)
        terminate(session, waiting(session, "Lock", without=[first]))

        assert_unavailable(answer.result())

        assert one(session, GRANTED) == 0
    assert_ledger_agrees(database)


def test_a_server_that_is_about_to_listen_is_waited_for_once(
    environment: pytest.MonkeyPatch, own_postgres: PostgresServer, fragile_api: Api
) -> None:
    own_postgres.stop()
    pause_by(environment, own_postgres.start)

    assert fragile_api.allocate().status == 201


def test_one_that_does_not_come_back_is_told(own_postgres: PostgresServer, fragile_api: Api) -> None:
    own_postgres.stop()

    assert_unavailable(fragile_api.allocate())


@pytest.mark.parametrize("own_postgres", [{"settings": {"max_connections": "8"}}], indirect=True)
def test_a_full_server_is_told_at_once_and_used_again_when_there_is_room(
    environment: pytest.MonkeyPatch, fragile_url: str, fragile_api: Api
) -> None:
    pause_by(environment, lambda: pytest.fail("waited"))
    runtime.database().close()
    others = []
    with suppress(psycopg2.OperationalError):
        while len(others) < 9:
            others.append(psycopg2.connect(fragile_url))

    assert_unavailable(fragile_api.allocate())

    for other in others:
        other.close()
    eventually(lambda: fragile_api.allocate().status == 201 or None)


# --- where it is not


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"", id="silence"),
        pytest.param(script.ROW, id="half an answer"),
        pytest.param(script.CRASHED, id="a crash"),
        pytest.param(script.TERMINATED, id="terminated, nobody knows when"),
        pytest.param(script.ROW + script.COMPLETE + script.TERMINATED, id="terminated after the commit"),
    ],
)
def test_what_may_have_happened_is_not_asked_again(reply: bytes) -> None:
    with scripted_postgres(reply, script.ANSWER) as server:
        with pytest.raises(Unavailable):
            Database(lambda: server.url).call("SELECT effect()", {})

        assert server.statements == 1


def test_what_was_cut_off_at_work_is_asked_again_once() -> None:
    with scripted_postgres(script.TERMINATED_AT_WORK, script.ANSWER) as server:
        assert Database(lambda: server.url).call("SELECT effect()", {}) == 7

    with scripted_postgres(*[script.TERMINATED_AT_WORK] * 3) as server:
        with pytest.raises(Unavailable):
            Database(lambda: server.url).call("SELECT effect()", {})
        assert server.statements == 2


def test_what_was_cut_off_late_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RETRY_WITHIN_SECONDS", -1)
    with scripted_postgres(script.TERMINATED_AT_WORK, script.ANSWER) as server:
        with pytest.raises(Unavailable):
            Database(lambda: server.url).call("SELECT effect()", {})
        assert server.statements == 1


# A commit takes a tenth of a second, and a line is logged after it: there Postgres notices that it was terminated.
SLOW_COMMIT = {"commit_delay": "100000", "commit_siblings": "0", "log_duration": "on"}
DURABLE = {"durable": True}  # else a crash takes commits with it


@pytest.mark.parametrize("own_postgres", [DURABLE], indirect=True)
def test_a_grant_that_committed_before_the_termination_is_not_made_twice(
    fragile_url: str, fragile_api: Api, in_background
) -> None:
    seen = set()
    with administrator(fragile_url) as session:
        for name, value in SLOW_COMMIT.items():
            session.cursor().execute(f"ALTER DATABASE fragile SET {name} = '{value}'")
        runtime.database().close()  # only new sessions have them
        for attempt in range(3):  # a slow machine may meet the statement itself, not its commit
            answer = in_background(lambda user=f"user-{attempt}": fragile_api.allocate(userId=user))
            terminate(session, committing(session))
            seen.add((answer.result().status, one(session, f"{GRANTED} WHERE user_id = %s", f"user-{attempt}")))

    assert (503, 1) in seen, "none had committed, so this shows nothing"
    assert seen <= {(503, 1), (503, 0), (201, 1)}


@pytest.mark.parametrize("own_postgres", [DURABLE], indirect=True)
def test_an_immediate_stop_is_told_and_after_the_start_all_is_well(
    own_postgres: PostgresServer, fragile_url: str, fragile_api: Api, in_background
) -> None:
    with administrator(fragile_url) as session, holding(fragile_url, ALICES_USAGE):
        answer = in_background(lambda: fragile_api.allocate(key="k-1"))
        waiting(session, "Lock")
        own_postgres.stop_signal = signal.SIGQUIT
        own_postgres.stop()

        assert_unavailable(answer.result())

    own_postgres.start()
    assert fragile_api.allocate(key="k-1").status == 201
    assert_one_grant(fragile_url)


@pytest.mark.parametrize("own_postgres", [DURABLE], indirect=True)
def test_a_killed_backend_is_told_and_has_no_second_effect(
    fragile_url: str, fragile_api: Api, own_postgres: PostgresServer, in_background
) -> None:
    with administrator(fragile_url) as session, holding(fragile_url, ALICES_USAGE):
        answer = in_background(lambda: fragile_api.allocate(key="k-1"))
        os.kill(waiting(session, "Lock"), signal.SIGKILL)  # Postgres then restarts all of itself

        assert_unavailable(answer.result())

    # Asked again and again: it may still answer for a moment before it notices that it has to restart.
    eventually(lambda: own_postgres.answers() or None)
    eventually(lambda: fragile_api.allocate(key="k-1").status == 201 or None)
    assert_one_grant(fragile_url)


def assert_one_grant(url: str) -> None:
    database = Database(lambda: url)
    try:
        assert database.call(GRANTED, {}) == 1
        assert_ledger_agrees(database)
    finally:
        database.close()
