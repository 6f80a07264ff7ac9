"""Postgres knows on whose behalf each statement runs, and only for that statement."""

from typing import Any

import pytest

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, SERVICE, USER, Api, Context
from tools.handlers import load_function

WITNESS = """
    CREATE TABLE witnessed (what text, tenant text, operator text, act jsonb);
    GRANT ALL ON witnessed TO PUBLIC;
    CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO witnessed VALUES (TG_TABLE_NAME || ' ' || TG_OP, current_setting('app.tenant', true),
            current_setting('app.operator', true), NULLIF(current_setting('app.act', true), '')::jsonb);
        RETURN NULL;
    END $$;
    CREATE TRIGGER witness AFTER INSERT OR UPDATE ON device_allocations FOR EACH ROW EXECUTE FUNCTION witness();
    CREATE TRIGGER witness AFTER INSERT ON devices FOR EACH ROW EXECUTE FUNCTION witness();
    SELECT"""


@pytest.fixture
def witnessed(api: Api, database: Database) -> Api:
    """The API on a database that keeps on whose behalf devices and allocations were written."""
    api.add_devices(2)
    database.call(WITNESS, {})
    return api


def seen(database: Database) -> list[dict[str, Any]]:
    return database.rows("SELECT * FROM witnessed", {})


@pytest.mark.parametrize("claims", [USER, SERVICE], ids=["user", "service"])
def test_a_tenants_request_names_the_tenant_of_its_claims(witnessed: Api, database: Database, claims: Any) -> None:
    assert witnessed.allocate(claims).status == 201

    (row,) = seen(database)
    assert (row["tenant"], row["operator"] or "") == ("acme", "")


def test_an_operators_request_names_her_and_what_she_does(witnessed: Api, database: Database) -> None:
    body = {"name": "p", "deviceType": "a", "cpuCores": 1, "memoryMB": 1, "storageMB": 1, "adbHost": "h", "adbPort": 1}
    answer = witnessed.call("POST", "/scheduler/devices", OPERATOR, body, headers={"x-correlation-id": "order-77.b"})

    assert answer.status == 201, answer.text
    (row,) = seen(database)
    assert (row["tenant"] or "", row["operator"]) == ("", "night-shift")
    assert row["act"] == {"route": "POST /scheduler/devices", "correlationId": "order-77.b"}


def test_nothing_of_it_stays_in_the_session(witnessed: Api) -> None:
    witnessed.allocate(USER)
    witnessed.get("/scheduler/devices", OPERATOR)

    names = ("app.tenant", "app.operator", "app.act")
    assert not any(runtime.database().call("SELECT current_setting(%(name)s, true)", {"name": name}) for name in names)


def test_a_sweep_runs_on_nobodys_behalf(witnessed: Api, database: Database) -> None:
    witnessed.allocate(USER)
    database.call("UPDATE device_allocations SET expires_at = allocated_at; TRUNCATE witnessed; SELECT", {})

    load_function("expire").handler({}, Context())

    assert [(row["what"], row["tenant"] or "") for row in seen(database)] == [("device_allocations UPDATE", "")]


@pytest.mark.parametrize("tenant", ["it's", "back\\slash", "100%", "%(x)s", "naïve 租户", '"; --'])
def test_any_tenants_name_arrives_as_it_is(witnessed: Api, database: Database, tenant: str) -> None:
    assert witnessed.allocate({"sub": "alice", "tenant_id": tenant}).status == 201

    assert [row["tenant"] for row in seen(database)] == [tenant]
