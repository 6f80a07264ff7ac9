"""Behind a proxy that pools transactions the functions answer as without it, and share few sessions."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from scheduler import runtime
from scheduler.acting import Acting, act_for, on_nobodys_behalf
from scheduler.adapters.postgres.connection import Database
from tests.proxy.conftest import DATABASE, POOL_SIZE
from tests.support.api import OTHER_TENANT, SERVICE, Api
from tests.support.ledger import assert_ledger_agrees
from tests.support.roles import APP, RELAY, WORKER
from tests.support.samples import neighbourhood, run_samples
from tests.support.sessions import administrator, eventually, one, terminate
from tests.support.statements import LEFT_IN_THE_SESSION, logged_statements, pinning
from tools.embedded import PostgresServer, ValkeyServer, as_role
from tools.handlers import function_names
from tools.pgbouncer import PgBouncer, pgbouncer

CLIENTS = 32
CYCLES = 6
MORE_THAN_THEY_DO = 10_000
ANSWERS_A_CYCLE = 5
LIMITS = {
    "lock_timeout": "3s",
    "statement_timeout": "9s",
    "idle_in_transaction_session_timeout": "10s",
    "TimeZone": "UTC",
}
SECONDS = 120


@contextmanager
def crowd(proxy: PgBouncer, cycles: int) -> Iterator[subprocess.Popen[str]]:
    """The clients, all connected and told to begin."""
    command = [sys.executable, "-m", "tests.proxy.clients", str(CLIENTS), str(cycles)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            eventually(lambda: clients_of(proxy) >= CLIENTS or None)
            tell(process, "begin")
            yield process
        finally:
            process.kill()


def tell(process: subprocess.Popen[str], word: str) -> None:
    """A line for the clients: the first begins, the second ends."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def answers(process: subprocess.Popen[str]) -> dict[str, int]:
    """How often the clients got each status."""
    told, _ = process.communicate(timeout=SECONDS)
    counted: dict[str, int] = json.loads(told)
    return counted


def clients_of(proxy: PgBouncer, *states: str) -> int:
    """Connected clients; without other states those that do not wait for a session."""
    pools = [pool for pool in proxy.show("POOLS") if pool["database"] == DATABASE]
    return sum(pool[state] for pool in pools for state in states or ("cl_active",))


def sessions(session) -> int:
    """How many sessions the proxy has in the database."""
    return one(
        session, "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", DATABASE
    )


def assert_all_given_back(url: str, grants: int) -> None:
    database = Database(lambda: url)
    try:
        assert database.call("SELECT count(*) FROM device_allocations WHERE status = 'released'", {}) == grants
        assert database.call("SELECT count(*) FROM device_allocations", {}) == grants
        assert_ledger_agrees(database)
    finally:
        database.close()


def test_every_function_answers_as_without_it_over_one_session(
    environment: pytest.MonkeyPatch,
    target: PostgresServer,
    direct_url: str,
    valkey_server: ValkeyServer,
    redis_url: str,
) -> None:
    with pgbouncer(target, pool_size=1) as proxy, neighbourhood(environment, valkey_server) as own:
        environment.setenv("DATABASE_URL", proxy.url_of(DATABASE))
        # Migrations take a lock for their session, so they go past the proxy: the fixture did.
        assert run_samples(direct_url, own, without={"migrate"}) == set(function_names()) - {"migrate"}
        assert runtime.database().rows(LEFT_IN_THE_SESSION, {}) == []

        with administrator(direct_url) as session:
            assert sessions(session) == len({APP, WORKER, RELAY})  # one each
    sent = [text for text in logged_statements(target) if "SET application_name=" not in text]  # the proxy's own
    assert any("claim_device" in text for text in sent)
    assert pinning(sent) == []


def test_the_limits_of_the_database_hold_through_it(proxied_url: str) -> None:
    through = runtime.database()

    assert {name: through.call(f"SHOW {name}", {}) for name in LIMITS} == LIMITS


def test_many_clients_share_few_sessions(proxied_url: str, direct_url: str, proxy: PgBouncer) -> None:
    Api().add_devices(CLIENTS + 8)
    most = 0
    with crowd(proxy, CYCLES) as process, administrator(direct_url) as session:
        while process.poll() is None:
            most = max(most, sessions(session))
        counted = answers(process)

    assert counted == {"200": CLIENTS * CYCLES * (ANSWERS_A_CYCLE - 1), "201": CLIENTS * CYCLES}
    assert POOL_SIZE <= most <= len({APP, WORKER}) * POOL_SIZE
    assert_all_given_back(direct_url, CLIENTS * CYCLES)


def test_two_tenants_share_sessions_and_see_nothing_of_each_other(proxied_url: str, proxy: PgBouncer) -> None:
    Api().add_devices(4)
    for claims in (SERVICE, OTHER_TENANT):
        assert Api().allocate(claims).status == 201

    def look(tenant: str | None) -> set[str]:
        """What a statement that names no tenant finds, asked 40 times over one connection."""
        seen: set[str] = set()
        app = Database(lambda: as_role(proxied_url, APP))
        for _ in range(40):
            with on_nobodys_behalf():
                if tenant:
                    act_for(Acting(tenant_id=tenant))
                seen |= {row["tenant_id"] for row in app.rows("SELECT tenant_id FROM device_allocations", {})}
        app.close()
        return seen

    tenants = ["acme", "globex", None] * 8
    with ThreadPoolExecutor(len(tenants)) as pool:
        found = list(pool.map(look, tenants))

    assert found == [{tenant} if tenant else set() for tenant in tenants]
    pools = [pool for pool in proxy.show("POOLS") if (pool["database"], pool["user"]) == (DATABASE, APP)]
    assert sum(pool["sv_idle"] + pool["sv_active"] + pool["sv_used"] for pool in pools) <= POOL_SIZE


def test_a_restart_costs_retryable_answers_only(proxied_url: str, direct_url: str, proxy: PgBouncer) -> None:
    Api().add_devices(CLIENTS + 8)
    with crowd(proxy, MORE_THAN_THEY_DO) as process:
        for _ in range(3):
            eventually(lambda: clients_of(proxy, "cl_active", "cl_waiting") > CLIENTS // 2 or None)
            proxy.stop()
            proxy.start()
        tell(process, "enough")
        counted = answers(process)

    assert counted.keys() <= {"200", "201", "503"}
    assert counted["200"] == counted["201"] * (ANSWERS_A_CYCLE - 1)
    assert_all_given_back(direct_url, counted["201"])


def test_a_session_that_ends_behind_it_costs_nothing(proxied_url: str, direct_url: str) -> None:
    api = Api()
    api.add_devices(2)
    with administrator(direct_url) as session:
        pid = runtime.database().call("SELECT pg_backend_pid()", {})
        terminate(session, pid)
        # The proxy has to see it before it can choose another session.
        eventually(lambda: api.get("/scheduler/devices/available", {"sub": "a"}).status == 200 or None)

        assert api.allocate().status == 201
    assert_ledger_agrees(runtime.database())


def test_after_a_restart_an_idle_client_notices_nothing(proxied_url: str, proxy: PgBouncer) -> None:
    api = Api()
    api.add_devices(2)
    proxy.stop()
    proxy.start()

    assert api.allocate().status == 201


def test_no_password_is_in_its_log(proxied_url: str, proxy: PgBouncer) -> None:
    Api().add_devices(1)

    assert str(urlsplit(proxied_url).password) not in proxy.log.read_text()
