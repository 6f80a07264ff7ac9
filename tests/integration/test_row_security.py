"""The second wall: whatever a statement asks for, a tenant's request reaches the tenant's own rows only."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors

from scheduler.acting import Acting, act_for, on_nobodys_behalf
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database, StatementFailed
from scheduler.adapters.postgres.logins import LOGIN_ROLES
from scheduler.domain.model import AllocationRequest, DeviceWants, ReleaseRequest, User
from scheduler.domain.quota import NO_LIMITS
from tests.conftest import TEMPLATE
from tests.support.roles import APP, READONLY, RELAY, WORKER
from tests.support.tenant_rows import OF_AN_OWNER, OPERATORS_CHANGE, ROWS, fill
from tools.embedded import PostgresServer, as_role

MINE, THEIRS = "acme", "globex"
SHARED = {"devices": 1}
"""Rows that both tenants see."""

each_table = pytest.mark.parametrize("table", ROWS)
each_role = pytest.mark.parametrize("role", [APP, WORKER])


@pytest.fixture(scope="module")
def filled(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of a database in which both tenants have a row in each table; who changes it undoes it."""
    yield from database_of(postgres_server, MINE, THEIRS)


@pytest.fixture(scope="module")
def half_filled(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of one in which only acme has: what globex adds meets nothing of its own."""
    yield from database_of(postgres_server, MINE)


def database_of(server: PostgresServer, *tenants: str) -> Iterator[str]:
    name = f"rows_{uuid.uuid4().hex}"
    url = server.create_database(name, TEMPLATE)
    with closing(psycopg2.connect(url)) as session, session:
        fill(session, *tenants)
    yield url
    server.drop_database(name)


@contextmanager
def acting(url: str, role: str, tenant: str = "", operator: str = "") -> Iterator[Any]:
    """A transaction of a role on somebody's behalf, which is undone at the end."""
    with closing(psycopg2.connect(as_role(url, role))) as session, session.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.tenant', %s, true), set_config('app.operator', %s, true)", (tenant, operator)
        )
        yield cursor


def is_denied(cursor: Any, statement: str) -> bool:
    """Whether a statement is refused outright; a savepoint keeps the transaction."""
    cursor.execute("SAVEPOINT before")
    try:
        cursor.execute(statement, {"tenant": THEIRS})
    except errors.InsufficientPrivilege:
        cursor.execute("ROLLBACK TO before")
        return True
    return False


def may(cursor: Any, table: str, right: str) -> bool:
    cursor.execute("SELECT has_table_privilege(%s, %s)", (table, right))
    return bool(cursor.fetchone()[0])


@each_table
@each_role
def test_a_tenant_sees_its_own_rows_only(filled: str, role: str, table: str) -> None:
    with acting(filled, role, MINE) as cursor:
        if not may(cursor, table, "SELECT"):
            assert role == APP
            return
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() == (1 + SHARED.get(table, 0),)


@each_table
@each_role
@pytest.mark.parametrize("act", ["UPDATE", "DELETE"])
def test_a_tenant_changes_its_own_rows_only(filled: str, role: str, table: str, act: str) -> None:
    with acting(filled, role, MINE) as cursor:
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 2", (table,))
        (column,) = cursor.fetchone()
        statement = f"UPDATE {table} SET {column} = {column}" if act == "UPDATE" else f"DELETE FROM {table}"
        if may(cursor, table, act) and not (role == APP and table in OPERATORS_CHANGE):
            cursor.execute(statement)
            assert cursor.rowcount == 1 + SHARED.get(table, 0)
        else:
            assert is_denied(cursor, statement)


@each_table
@each_role
def test_a_tenant_adds_no_row_for_another(half_filled: str, role: str, table: str) -> None:
    with acting(half_filled, role, MINE) as cursor:
        assert is_denied(cursor, ROWS[table])
    with acting(half_filled, WORKER) as cursor:
        assert table in OF_AN_OWNER or not is_denied(cursor, ROWS[table])


@each_table
@each_role
def test_a_tenant_gives_no_row_of_its_own_away(filled: str, role: str, table: str) -> None:
    if table in OF_AN_OWNER:
        pytest.skip("its rows belong to who owns what they hang on")
    with acting(filled, role, MINE) as cursor:
        assert is_denied(cursor, f"UPDATE {table} SET tenant_id = %(tenant)s WHERE tenant_id = '{MINE}'")


@each_table
def test_without_a_tenant_the_app_sees_nothing(filled: str, table: str) -> None:
    with acting(filled, APP) as cursor:
        if may(cursor, table, "SELECT"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (SHARED.get(table, 0),)


@each_table
def test_an_operator_sees_all(filled: str, table: str) -> None:
    with acting(filled, APP, operator="night-shift") as cursor:
        if may(cursor, table, "SELECT"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (2 + SHARED.get(table, 0),)


@each_table
def test_a_worker_on_nobodys_behalf_sees_all(filled: str, table: str) -> None:
    with acting(filled, WORKER) as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() == (2 + SHARED.get(table, 0),)


@each_table
def test_the_relay_sees_the_outbox_and_no_other_table(filled: str, table: str) -> None:
    with acting(filled, RELAY) as cursor:
        if table == "outbox":
            cursor.execute("UPDATE outbox SET published_at = occurred_at")
            assert cursor.rowcount == 2
            assert is_denied(cursor, "UPDATE outbox SET data = '{}'")
            assert is_denied(cursor, "DELETE FROM outbox")
        else:
            assert is_denied(cursor, f"SELECT FROM {table}")


@each_table
def test_who_may_only_read_sees_all_and_changes_nothing(filled: str, table: str) -> None:
    with acting(filled, READONLY) as cursor:
        cursor.execute(f"SELECT count({'DISTINCT tenant_id' if table not in OF_AN_OWNER else '*'}) FROM {table}")
        assert cursor.fetchone() == (2,)
        assert is_denied(cursor, f"DELETE FROM {table}")
        assert is_denied(cursor, ROWS[table])


@pytest.mark.parametrize(
    "statement", ["SELECT secret FROM webhooks", "SELECT answer FROM idempotency_keys", "SELECT * FROM webhooks"]
)
def test_who_may_only_read_is_told_no_secret(filled: str, statement: str) -> None:
    with acting(filled, READONLY) as cursor:
        assert is_denied(cursor, statement)


@pytest.mark.parametrize("role", LOGIN_ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "ALTER TABLE devices DISABLE ROW LEVEL SECURITY",
        "DROP POLICY app ON outbox",
        "CREATE FUNCTION public.scheduler_clock(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE scheduler_engine",
        "UPDATE schema_migrations SET checksum = ''",
        "TRUNCATE outbox",
    ],
)
def test_no_function_may_take_the_wall_down(filled: str, role: str, statement: str) -> None:
    with acting(filled, role) as cursor:
        assert is_denied(cursor, statement)


def test_only_an_operator_adds_devices(filled: str) -> None:
    device = ROWS["devices"].replace("'of-'", "'new-'").replace("%(tenant)s, 1)", f"'{MINE}', 1)")
    with acting(filled, APP, MINE) as cursor:
        assert is_denied(cursor, device)
    with acting(filled, APP, operator="night-shift") as cursor:
        assert not is_denied(cursor, device)


class TestPlanted:
    """Mistakes in the explicit predicates, which are the first wall."""

    @pytest.fixture(autouse=True)
    def nobody_stays(self) -> Iterator[None]:
        """Forget at the end on whose behalf the test acted."""
        with on_nobodys_behalf():
            yield

    @pytest.fixture
    def store(self, database_url: str) -> Iterator[PostgresAllocations]:
        """The adapter as the app, on a database of its own."""
        with closing(psycopg2.connect(database_url)) as session, session:
            fill(session, MINE, THEIRS)
        app = Database(lambda: as_role(database_url, APP))
        yield PostgresAllocations(app)
        app.close()

    @pytest.fixture
    def their_id(self, store: PostgresAllocations, database: Database) -> str:
        """An allocation of globex."""
        return str(database.call("SELECT id FROM device_allocations WHERE tenant_id = %(tenant)s", {"tenant": THEIRS}))

    def test_a_look_up_without_its_tenant_finds_nothing_of_another(
        self, store: PostgresAllocations, their_id: str
    ) -> None:
        act_for(Acting(tenant_id=MINE))
        assert store.find(their_id, None, None) is None

        act_for(Acting(tenant_id=THEIRS))
        assert store.find(their_id, None, None) is not None

    def test_a_release_without_its_tenant_ends_nothing_of_another(
        self, store: PostgresAllocations, their_id: str, database: Database
    ) -> None:
        database.call("DELETE FROM device_allocations WHERE tenant_id = %(tenant)s", {"tenant": MINE})
        database.call("DELETE FROM usage_records", {})
        database.call("UPDATE device_allocations SET status = 'allocated', expires_at = 'infinity'", {})
        act_for(Acting(tenant_id=MINE))
        assert store.release(ReleaseRequest(None, None, "shared", their_id))["outcome"] == "not_found"

        act_for(Acting(tenant_id=THEIRS))
        assert store.release(ReleaseRequest(None, None, "shared", their_id))["outcome"] == "released"

    def test_a_claim_for_another_tenant_than_the_token_names_is_refused(self, store: PostgresAllocations) -> None:
        act_for(Acting(tenant_id=MINE))
        request = AllocationRequest(User(THEIRS, "mallory"), 30, DeviceWants())

        with pytest.raises(StatementFailed, match="InsufficientPrivilege"):
            store.claim(request, NO_LIMITS, last_attempt=True)
