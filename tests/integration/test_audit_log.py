"""What operators change is written down in the transaction that changes it: who, what, before, after."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg2
import pytest
from psycopg2 import errors

from scheduler.acting import Acting, act_for, on_nobodys_behalf
from scheduler.adapters.postgres.connection import Database, StatementFailed
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.edge.access import ROUTES, Access
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, USER, Answer, Api, Context, device_body
from tests.support.clock import Clock
from tests.support.roles import APP, READONLY, RELAY, WORKER
from tools.embedded import as_role
from tools.handlers import load_function

LOG = "/scheduler/audit-log"
UNWATCHED = {
    "audit_log",
    "audit_runs",
    "reconciliations",
    "retention_marks",
    "schema_migrations",
    "schema_routines",
    "statistics_snapshots",
    "outlook_lessons",
    "leases",
    "cursor_keys",
    "queue_gate",
    "placement_rescoring",
    "placement_records",
    "placement_uses",
    "placement_appraisals",
    "placement_learning",
    "idempotency_keys",
    "inbox",
    "incoming_newest",
    "outbox",
    "webhook_deliveries",
    "device_heartbeats",
    "spec_classes",
    "quota_usage",
    "allocation_counters",
    "allocation_renewals",
    "usage_records",
    "payment_failures",
    "user_standing",
    "fleet_policy",
}
"""What no operator changes by a request, or what only follows from what is written down."""


def entries(api: Api, **query: Any) -> list[dict[str, Any]]:
    """What the log says, oldest first."""
    answer = api.get(LOG, OPERATOR, **query)
    assert answer.status == 200, answer.text
    data: list[dict[str, Any]] = answer.data
    return data[::-1]


def test_a_new_device_is_an_entry_with_all_that_was_given(api: Api) -> None:
    body = device_body(7) | {"id": "phone-7"}
    answer = api.call("POST", "/scheduler/devices", OPERATOR, body, headers={"x-correlation-id": "ticket-12"})

    (entry,) = entries(api)
    assert answer.status == 201
    assert datetime.fromisoformat(entry.pop("at")).tzinfo is not None
    assert entry.pop("id")
    after = entry.pop("after")
    assert entry == {
        "operator": "night-shift",
        "route": "POST /scheduler/devices",
        "correlationId": "ticket-12",
        "entity": "device",
        "entityId": "phone-7",
        "tenantId": None,
        "act": "insert",
        "before": None,
    }
    assert (after["name"], after["adb_port"], after["life"]) == ("phone-7", 5562, "in_service")
    assert {"updated_at", "placement_score", "is_free", "class_id"}.isdisjoint(after)


def test_a_change_is_told_by_the_columns_that_changed(api: Api) -> None:
    (device,) = api.add_devices()
    api.call("PATCH", f"/scheduler/devices/{device}", OPERATOR, {"name": "renamed", "cpuCores": 4})

    entry = entries(api)[-1]
    assert (entry["act"], entry["entityId"], entry["route"]) == (
        "update",
        device,
        "PATCH /scheduler/devices/{deviceId}",
    )
    assert (entry["before"], entry["after"]) == ({"name": "phone-0"}, {"name": "renamed"})


def test_what_one_request_changes_has_one_correlation_id(api: Api) -> None:
    first, second = api.add_devices(2)
    lent = api.allocate().data
    known = len(entries(api))
    path = f"/scheduler/devices/{lent['deviceId']}/quarantine"
    assert api.call("POST", path, OPERATOR, headers={"x-correlation-id": "burnt"}).status == 200

    told = entries(api)[known:]
    assert {entry["correlationId"] for entry in told} == {"burnt"}
    assert {(entry["entity"], entry["entityId"]) for entry in told} == {
        ("device", first),
        ("device", second),
        ("allocation", lent["allocationId"]),
    }
    moved = next(entry for entry in told if entry["entity"] == "allocation")
    assert moved["tenantId"] == "acme"
    assert {moved["before"]["device_id"], moved["after"]["device_id"]} == {first, second}


def test_a_secret_is_not_in_it(api: Api) -> None:
    body = {"url": "https://8.8.8.8/hook", "types": ["*"], "tenantId": "acme"}
    registered = api.post("/scheduler/webhooks", OPERATOR, body).data
    api.call("DELETE", f"/scheduler/webhooks/{registered['id']}", OPERATOR)

    answer = api.get(LOG, OPERATOR, entityId=registered["id"])
    assert [entry["act"] for entry in answer.data] == ["delete", "insert"]
    assert answer.data[0]["before"]["url"] == "https://8.8.8.8/hook"
    assert registered["secret"] not in answer.text
    assert '"secret"' not in answer.text


def test_nobody_elses_acts_are_in_it(api: Api, database: Database) -> None:
    api.add_devices(2)
    known = entries(api)
    lent = api.allocate(USER).data
    api.renew(lent["allocationId"], 5)
    api.release(lent["deviceId"])
    api.allocate()
    database.call("UPDATE device_allocations SET expires_at = allocated_at; SELECT", {})
    load_function("expire").handler({}, Context())

    assert entries(api) == known


def test_what_is_refused_leaves_no_trace(api: Api) -> None:
    api.post("/scheduler/devices", OPERATOR, device_body(1) | {"id": "phone-1"})
    known = entries(api)

    assert api.post("/scheduler/devices", OPERATOR, device_body(1) | {"id": "phone-1"}).status == 409
    assert api.call("PATCH", "/scheduler/devices/phone-2", OPERATOR, {"name": "x"}).status == 404
    assert entries(api) == known


def test_an_entry_commits_with_its_change_or_not_at_all(api: Api, database: Database) -> None:
    api.add_devices()
    known = entries(api)
    with on_nobodys_behalf():
        act_for(Acting(operator="night-shift", route="POST /nowhere", correlation_id="c"))
        with pytest.raises(StatementFailed, match="DivisionByZero"):
            database.call("UPDATE devices SET name = 'lost'; SELECT 1 / 0", {})

    assert entries(api) == known


def test_a_repeated_request_is_one_act(api: Api) -> None:
    for _ in range(2):
        api.post("/scheduler/devices", OPERATOR, device_body(1), key="k-1")

    assert len(entries(api)) == 1


def test_a_change_of_nothing_is_no_entry(api: Api) -> None:
    (device,) = api.add_devices()
    api.call("PATCH", f"/scheduler/devices/{device}", OPERATOR, {"name": "phone-0"})

    assert len(entries(api)) == 1


ACTS: dict[str, Callable[[Api, str, str], Answer]] = {
    "POST /scheduler/devices": lambda api, *_: api.post("/scheduler/devices", OPERATOR, device_body(9)),
    "PATCH /scheduler/devices/{deviceId}": lambda api, device, _: api.call(
        "PATCH", f"/scheduler/devices/{device}", OPERATOR, {"name": "other"}
    ),
    "DELETE /scheduler/devices/{deviceId}": lambda api, device, _: api.call(
        "DELETE", f"/scheduler/devices/{device}", OPERATOR
    ),
    **{
        f"POST /scheduler/devices/{{deviceId}}/{act}": lambda api, device, _, act=act: api.post(
            f"/scheduler/devices/{device}/{act}", OPERATOR
        )
        for act in ("drain", "quarantine", "restore", "recycled")
    },
    "POST /scheduler/allocations/{allocationId}/revoke": lambda api, _, allocation: api.post(
        f"/scheduler/allocations/{allocation}/revoke", OPERATOR, {"reason": "abuse"}
    ),
    "POST /scheduler/allocations/{allocationId}/failover": lambda api, _, allocation: api.post(
        f"/scheduler/allocations/{allocation}/failover", OPERATOR, {"reason": "slow"}
    ),
    "PUT /scheduler/quotas/{userId}": lambda api, *_: api.call(
        "PUT", "/scheduler/quotas/alice", OPERATOR, {"tenantId": "acme", "planName": "basic"}
    ),
    "PUT /scheduler/plans/{name}": lambda api, *_: api.call(
        "PUT", "/scheduler/plans/team", OPERATOR, {"limits": {"maxDevices": 3}}
    ),
    "PUT /scheduler/strategy": lambda api, *_: api.call(
        "PUT", "/scheduler/strategy", OPERATOR, {"strategy": "best_fit"}
    ),
    "POST /scheduler/queue/process": lambda api, *_: api.post("/scheduler/queue/process", OPERATOR),
}
BEFOREHAND = {
    "POST /scheduler/devices/{deviceId}/restore": "UPDATE devices SET life = 'draining'; SELECT",
    "POST /scheduler/devices/{deviceId}/recycled": "UPDATE devices SET life = 'recycling'; SELECT",
}


def test_each_route_with_which_operators_alone_change_something_is_tried() -> None:
    assert {*ACTS, "POST /scheduler/dlqs/{name}/redrive"} == {  # test_dead_letter_routes
        route for route, needed in ROUTES.items() if needed is Access.OPERATOR and not route.startswith("GET ")
    }


@pytest.mark.parametrize("route", ACTS)
def test_each_act_of_operators_is_in_it(api: Api, database: Database, route: str) -> None:
    api.add_devices()
    lent = api.allocate().data
    api.post("/scheduler/queue", OTHER_TENANT, {"userId": "rita", "durationMinutes": 5})
    if route == "POST /scheduler/queue/process":
        database.call("UPDATE devices SET active_allocation_id = NULL, busy_until = NULL; SELECT", {})
        database.call("UPDATE device_allocations SET status = 'released', released_at = allocated_at; SELECT", {})
    database.call(BEFOREHAND.get(route, "SELECT"), {})

    answer = ACTS[route](api, lent["deviceId"], lent["allocationId"])

    assert answer.status in {200, 201}, answer.text
    assert route in {entry["route"] for entry in entries(api)}


def test_each_table_is_watched_or_said_not_to_be(database: Database) -> None:
    tables = {
        row["name"] for row in database.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'", {})
    }
    watched = {
        row["name"]
        for row in database.rows(
            "SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger"
            " WHERE tgfoid = 'note_act'::regproc AND pg_get_triggerdef(oid) LIKE '%%WHEN %%app.operator%%'",
            {},
        )
    }

    assert tables == watched | UNWATCHED
    assert watched.isdisjoint(UNWATCHED)


def test_it_is_listed_by_who_what_and_when(api: Api, database: Database, clock: Clock) -> None:
    api.post("/scheduler/devices", OPERATOR, device_body(1) | {"id": "phone-1"})
    clock.advance(hours=1)
    api.post("/scheduler/devices", OPERATOR | {"sub": "day-shift"}, device_body(2) | {"id": "phone-2"})
    earlier, later = entries(api)

    assert entries(api, operator="day-shift") == [later]
    assert entries(api, entityId="phone-1") == [earlier]
    assert entries(api, entity="device") == [earlier, later]
    assert entries(api, entity="webhook") == []
    assert entries(api, **{"from": later["at"]}) == [later]
    assert entries(api, to=later["at"]) == [earlier]
    assert entries(api, operator="day-shift", entityId="phone-1") == []


def test_it_is_read_in_pages_newest_first(api: Api) -> None:
    for number in range(5):
        api.post("/scheduler/devices", OPERATOR, device_body(number) | {"id": f"phone-{number}"})
    seen, cursor = [], None
    while True:
        page = api.get(LOG, OPERATOR, limit=2, **({"cursor": cursor} if cursor else {})).json
        seen += [entry["entityId"] for entry in page["data"]]
        cursor = page["meta"]["nextCursor"]
        if cursor is None:
            break

    assert seen == ["phone-4", "phone-3", "phone-2", "phone-1", "phone-0"]


@pytest.mark.parametrize("claims", [USER, SERVICE], ids=["a user", "a service"])
def test_only_operators_read_it(api: Api, claims: Any) -> None:
    assert api.get(LOG, claims).status == 403


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET operator = 'somebody else'; SELECT",
        "UPDATE audit_log SET at = at - interval '400 days'; SELECT",
        "DELETE FROM audit_log; SELECT",
    ],
)
def test_nobody_rewrites_it(api: Api, database: Database, statement: str) -> None:
    api.add_devices()
    known = entries(api)

    with pytest.raises(StatementFailed, match="42501"):
        database.call(statement, {})
    assert entries(api) == known


def test_the_cleanup_forgets_what_is_older_than_its_retention(api: Api, database: Database, clock: Clock) -> None:
    upkeep = PostgresUpkeep(database)
    api.add_devices(3)
    clock.advance(days=399)
    api.post("/scheduler/devices", OPERATOR, device_body(9) | {"id": "young"})
    load_function("cleanup").handler({}, Context())
    assert len(entries(api)) == 4

    clock.advance(days=2)
    assert load_function("cleanup").handler({}, Context())["acts"] == 3
    assert [entry["entityId"] for entry in entries(api)] == ["young"]
    assert upkeep.delete_acts(1, 100) == 0  # thirty days are kept whatever is asked


@pytest.fixture
def walled(api: Api, database_url: str) -> Callable[[str, str], Any]:
    """Run a statement as a role of the functions, on behalf of a tenant, and give its first value."""
    api.add_devices()

    def run(role: str, statement: str) -> Any:
        with closing(psycopg2.connect(as_role(database_url, role))) as session, session.cursor() as cursor:
            cursor.execute("SELECT set_config('app.tenant', 'acme', true)")
            cursor.execute(statement)
            return cursor.fetchone()

    return run


@pytest.mark.parametrize("role", [APP, WORKER])
def test_a_tenants_request_sees_nothing_of_it(walled: Callable[[str, str], Any], role: str) -> None:
    assert walled(role, "SELECT count(*) FROM audit_log") == (0,)


@pytest.mark.parametrize("role", [APP, WORKER, RELAY, READONLY])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_log (at, operator, kind, entity_id, change, after)"
        " VALUES (clock_timestamp(), 'o', 'device', 'd', 'insert', '{}')",
        "UPDATE audit_log SET operator = 'o'",
        "TRUNCATE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "ALTER TABLE devices DISABLE TRIGGER devices_acts",
    ],
)
def test_no_function_writes_it_or_gets_round_it(walled: Callable[[str, str], Any], role: str, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        walled(role, statement)
