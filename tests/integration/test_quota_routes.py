"""Quotas and plans over HTTP: who reads which, and that a lowered limit ends what exceeds it, the oldest first."""

from contextlib import closing
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database, StatementFailed
from scheduler.service import quotas as quotas_module
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, USER, Answer, Api
from tests.support.ledger import assert_ledger_agrees
from tests.support.roles import APP
from tools.embedded import as_role

QUOTA = "/scheduler/quotas/alice"


def put(api: Api, path: str = QUOTA, **body: Any) -> Answer:
    return api.call("PUT", path, OPERATOR, ({"tenantId": "acme"} if path == QUOTA else {}) | body)


def lend(api: Api, count: int, user_id: str = "alice") -> list[str]:
    """Lend devices to a user; give the allocations' ids, the oldest first."""
    answers = [api.allocate(userId=user_id) for _ in range(count)]
    assert {answer.status for answer in answers} == {201}
    return [answer.data["allocationId"] for answer in answers]


def active(api: Api, user_id: str = "alice") -> set[str]:
    return {
        row["allocationId"]
        for row in api.get("/scheduler/allocations", SERVICE, userId=user_id, status="allocated").data
    }


# --- one user's


def test_a_user_reads_what_it_may_have_and_has(api: Api) -> None:
    api.add_devices(2)
    lend(api, 2)

    quota = api.get(QUOTA, USER).data

    assert quota == {
        "userId": "alice",
        "tenantId": "acme",
        "planName": "pro",
        "status": "active",
        "validUntil": None,
        "limits": {
            "maxDevices": 10,
            "maxCpuCoresPerDevice": None,
            "maxMemoryMBPerDevice": None,
            "maxStorageGBPerDevice": None,
            "totalCpuCores": None,
            "totalMemoryGB": None,
            "totalStorageGB": None,
        },
        "usage": {"currentDevices": 2, "usedCpuCores": 8, "usedMemoryGB": 8.0, "usedStorageGB": 128.0},
        "remainingDevices": 8,
    }
    assert api.get(QUOTA, SERVICE).data == quota
    assert api.get(QUOTA, OPERATOR, tenantId="acme").data == quota


def test_a_user_that_never_came_reads_the_default_plan_and_nobody_else_does(api: Api) -> None:
    assert api.get(QUOTA, USER).data["planName"] == "pro"
    assert api.get(QUOTA, SERVICE).code == "quota_not_found"


def test_anothers_quota_is_as_good_as_none(api: Api) -> None:
    api.add_devices(1)
    lend(api, 1)

    answers = [api.get(QUOTA, claims) for claims in (OTHER_USER, OTHER_TENANT)]

    assert [(answer.status, answer.code) for answer in answers] == [(404, "quota_not_found")] * 2
    assert api.get(QUOTA, SERVICE, tenantId="globex").status == 403


def test_a_quota_takes_the_place_of_the_one_before(api: Api) -> None:
    first = put(api, planName="basic", limits={"maxDevices": 7, "totalMemoryGB": 16}, validUntil="2030-01-01T00:00:00Z")
    second = put(api, status="suspended")

    assert first.status == 200
    assert first.data["limits"] | {"maxDevices": 7, "totalMemoryGB": 16.0} == first.data["limits"]
    assert (first.data["planName"], first.data["validUntil"]) == ("basic", "2030-01-01T00:00:00Z")
    assert (second.data["planName"], second.data["limits"]["maxDevices"]) == ("pro", 10)
    assert second.data["validUntil"] is None
    assert api.allocate().json["detail"] == "Quota suspended"


def test_a_lowered_limit_ends_the_oldest_at_once_and_is_obeyed(api: Api, database: Database) -> None:
    api.add_devices(4)
    lent = lend(api, 3)
    kept = lend(api, 1, "bob")

    answer = put(api, limits={"maxDevices": 1})

    assert answer.data["usage"]["currentDevices"] == 1
    assert answer.data["remainingDevices"] == 0
    assert active(api) == {lent[2]}
    assert active(api, "bob") == set(kept)
    assert api.allocate().code == "quota_exceeded"
    (told,) = database.rows("SELECT DISTINCT end_reason FROM device_allocations WHERE status = 'revoked'", {})
    assert told["end_reason"] == "The quota was lowered"
    assert_ledger_agrees(database)


def test_a_raised_limit_is_known_to_the_next_request_although_the_old_quota_was_cached(api: Api) -> None:
    api.add_devices(3)
    put(api, limits={"maxDevices": 1})
    lend(api, 1)
    assert api.allocate().code == "quota_exceeded"

    put(api, limits={"maxDevices": 2})

    assert api.allocate().status == 201


def test_a_plan_that_there_is_not_is_refused(api: Api) -> None:
    answer = put(api, planName="platinum")

    assert answer.status == 422
    assert answer.json["errors"] == [{"field": "planName", "detail": "there is no such plan"}]


@pytest.mark.parametrize("limits", [{"maxDevices": -2}, {"maxDevices": "9"}, {"maxPhones": 9}])
def test_limits_that_are_none_are_refused(api: Api, limits: dict[str, Any]) -> None:
    assert put(api, limits=limits).status == 422


# --- plans


def test_a_plan_is_read_and_changed(api: Api) -> None:
    assert api.get("/scheduler/plans/pro", OPERATOR).data == {"name": "pro", "limits": {"maxDevices": 10}}
    assert api.get("/scheduler/plans/team", OPERATOR).code == "plan_not_found"

    made = put(api, "/scheduler/plans/team", limits={"maxDevices": 3, "totalCpuCores": -1})

    assert made.data == {"name": "team", "limits": {"maxDevices": 3}}
    assert api.get("/scheduler/plans/team", OPERATOR).data == made.data
    assert put(api, planName="team").data["limits"]["maxDevices"] == 3


def test_a_lowered_plan_ends_what_its_users_hold_beyond_it(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas_module, "PAGE", 1)
    api.add_devices(9)
    put(api, "/scheduler/quotas/cleo", tenantId="acme", limits={"maxDevices": 9})
    put(api, "/scheduler/quotas/dora", tenantId="acme", planName="enterprise")
    lent = {user: lend(api, 2, user) for user in ("alice", "bob", "cleo", "dora")}

    assert put(api, "/scheduler/plans/pro", limits={"maxDevices": 1}).status == 200

    left = {user: active(api, user) for user in lent}
    assert left == {
        "alice": {lent["alice"][1]},
        "bob": {lent["bob"][1]},
        "cleo": set(lent["cleo"]),  # has a limit of her own
        "dora": set(lent["dora"]),  # has another plan
    }
    assert_ledger_agrees(database)


def test_a_change_of_a_plan_that_takes_too_long_goes_on_when_it_is_sent_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_devices(2)
    lend(api, 2)
    monkeypatch.setattr(quotas_module, "MOST_SECONDS", -1)
    assert put(api, "/scheduler/plans/pro", limits={"maxDevices": 1}).code == "unavailable"
    assert len(active(api)) == 2
    monkeypatch.undo()

    assert put(api, "/scheduler/plans/pro", limits={"maxDevices": 1}).status == 200

    assert len(active(api)) == 1


# --- whose they are


def test_where_a_user_service_keeps_quotas_they_are_not_changed_here(api: Api, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("USER_SERVICE_URL", "http://127.0.0.1:1")

    answers = [put(api), put(api, "/scheduler/plans/pro", limits={"maxDevices": 1})]

    assert [(answer.status, answer.code) for answer in answers] == [(409, "quotas_kept_elsewhere")] * 2


@pytest.mark.parametrize("claims", [USER, SERVICE])
@pytest.mark.parametrize("path", [QUOTA, "/scheduler/plans/pro"])
def test_only_operators_change_them(api: Api, path: str, claims: dict[str, str]) -> None:
    assert api.call("PUT", path, claims, {"limits": {"maxDevices": 99}}).status == 403


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO quotas (tenant_id, user_id) VALUES ('default', 'alice')",
        "UPDATE quota_plans SET max_devices = 99",
        "INSERT INTO user_standing (tenant_id, user_id) VALUES ('default', 'alice')",
    ],
)
def test_the_database_lets_no_other_request_write_them(database: Database, database_url: str, statement: str) -> None:
    with closing(Database(lambda: as_role(database_url, APP))) as own, pytest.raises(StatementFailed):
        own.call(statement, {})


def test_what_changed_is_in_the_audit_log(api: Api) -> None:
    put(api, limits={"maxDevices": 3})
    put(api, "/scheduler/plans/pro", limits={"maxDevices": 8})

    entries = api.get("/scheduler/audit-log", OPERATOR).data

    assert [(entry["entity"], entry["entityId"], entry["act"]) for entry in entries] == [
        ("quota_plan", "pro", "update"),
        ("quota", "alice", "insert"),
    ]
    assert (entries[0]["before"], entries[0]["after"]) == ({"max_devices": 10}, {"max_devices": 8})
