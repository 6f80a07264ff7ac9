"""Why this device, and why none: what was written with a grant, filters with their counts, scores and their parts."""

import uuid
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.explanations import PostgresExplanations
from scheduler.adapters.postgres.strategy import PostgresStrategy
from scheduler.domain.model import Strategy
from scheduler.service.placement import Placement
from tests.support.api import OPERATOR, OTHER_TENANT, SERVICE, USER, Answer, Api

REQUEST = "/scheduler/allocations/explain"


def explain(api: Api, allocation: str) -> Any:
    answer = api.get(f"/scheduler/allocations/{allocation}/explain", SERVICE)
    assert answer.status == 200, answer.text
    return answer.data


def ask(api: Api, **query: Any) -> Any:
    answer = api.get(REQUEST, SERVICE, **{"userId": "alice"} | query)
    assert answer.status == 200, answer.text
    return answer.data


def filters(told: Any) -> dict[str, int]:
    return {each["filter"]: each["devices"] for each in told["now"]["excluded"]}


def phones(api: Api, *ids: str, **fields: Any) -> None:
    """Add devices by id."""
    devices = [
        {"name": each, "deviceType": "android-14", "cpuCores": 4, "memoryMB": 4096, "storageMB": 65536}
        | {"adbHost": "10.0.0.7", "adbPort": 5555, "id": each}
        | fields
        for each in ids
    ]
    assert api.post("/scheduler/devices", OPERATOR, {"devices": devices}).status == 201


# --- an allocation


def test_an_allocation_tells_its_decision_and_how_its_wish_would_stand_now(api: Api) -> None:
    phones(api, "one", "two", "three")
    lent = api.allocate(durationMinutes=30, preferredSpecs={"minCpu": 4}, deviceType="android-14").data

    told = explain(api, lent["allocationId"])

    now = told.pop("now")
    assert told == {
        "allocationId": lent["allocationId"],
        "deviceId": lent["deviceId"],
        "userId": "alice",
        "tenantId": "acme",
        "status": "allocated",
        "allocatedAt": lent["allocatedAt"],
        "fromReservation": False,
        "movedTimes": 0,
        "decision": {
            "strategy": "resource_based",
            "score": 100.0,
            "explored": False,
            "propensity": 1.0,
            "modelVersion": None,
            "rank": None,
            "heads": [],
            "trial": None,
            "wouldLend": None,
            "expectedHours": None,
        },
        "asked": {
            "durationMinutes": 30,
            "deviceType": "android-14",
            "minCpu": 4,
            "minMemory": None,
            "minStorage": None,
        },
    }
    assert (now["considered"], now["fitting"], now["capped"], now["strategy"]) == (3, 2, False, "resource_based")
    assert {each["filter"]: each["devices"] for each in now["excluded"]} == {"taken": 1}
    assert {each["deviceId"] for each in now["candidates"]} == {"one", "two", "three"} - {lent["deviceId"]}


def test_anothers_allocation_is_as_good_as_none(api: Api) -> None:
    phones(api, "one")
    lent = api.allocate().data["allocationId"]
    path = f"/scheduler/allocations/{lent}/explain"

    assert (api.get(path, OTHER_TENANT).status, api.get(path, OTHER_TENANT).code) == (404, "allocation_not_found")
    assert api.get(path, USER).status == 403
    assert api.get(path, OPERATOR).status == 200
    for unknown in (str(uuid.uuid4()), "no-uuid"):
        assert api.get(f"/scheduler/allocations/{unknown}/explain", SERVICE).code == "allocation_not_found"


def test_statements_name_the_tenant_whoever_asks(api: Api, database: Database) -> None:
    phones(api, "one")
    phones(api, "foreign", tenantId="globex")
    lent = api.allocate().data["allocationId"]

    assert PostgresExplanations(database).allocation(lent, "globex") is None
    assert PostgresExplanations(database).allocation(lent, "acme") is not None
    assert api.get(REQUEST, OPERATOR, userId="alice", tenantId="acme").data["now"]["considered"] == 1
    assert api.get(REQUEST, OPERATOR, userId="rita", tenantId="globex").data["now"]["considered"] == 2


def test_one_that_moved_says_so(api: Api) -> None:
    phones(api, "one", "two")
    lent = api.allocate().data["allocationId"]
    api.post(f"/scheduler/allocations/{lent}/failover", OPERATOR, {"reason": "slow"})

    assert explain(api, lent)["movedTimes"] == 1


def test_one_from_elsewhere_has_no_decision(api: Api, database: Database) -> None:
    phones(api, "one")
    lent = api.allocate().data["allocationId"]
    database.call("UPDATE device_allocations SET decision = NULL", {})

    assert explain(api, lent)["decision"] is None


# --- a request


def test_a_request_that_would_be_granted_names_the_one_that_the_claim_takes(api: Api) -> None:
    phones(api, "big", cpuCores=8)
    phones(api, "small", cpuCores=2)

    told = ask(api)

    assert (told["wouldGrant"], told["code"], told["reason"], told["alternatives"]) == (True, None, None, [])
    assert told["remainingDevices"] == 10
    assert [each["deviceId"] for each in told["now"]["candidates"]] == ["small", "big"]
    assert api.allocate().data["deviceId"] == "small"


def test_each_filter_is_counted_and_says_what_would_change_it(api: Api, database: Database) -> None:
    phones(api, "fridge", deviceType="fridge")
    phones(api, "tiny-1", "tiny-2", cpuCores=1)
    phones(api, "stopped", status="stopped")
    phones(api, "draining", "quarantined", "gone", "lent", "overdue", "held", "reserved", "foreign", "free")
    database.call("UPDATE devices SET life = 'draining' WHERE id = 'draining'; SELECT", {})
    database.call("UPDATE devices SET life = 'quarantined' WHERE id = 'quarantined'; SELECT", {})
    database.call("UPDATE devices SET life = 'deleted' WHERE id = 'gone'; SELECT", {})
    database.call(
        "UPDATE devices SET active_allocation_id = gen_random_uuid(), busy_until = scheduler_clock()"
        " + CASE id WHEN 'lent' THEN interval '1 h' ELSE interval '-1 h' END WHERE id IN ('lent', 'overdue'); SELECT",
        {},
    )
    database.call("UPDATE devices SET held_for = gen_random_uuid() WHERE id = 'held'; SELECT", {})
    database.call(
        "UPDATE devices SET next_reserved_at = scheduler_clock() + interval '10 min' WHERE id = 'reserved'; SELECT", {}
    )
    api.call("PATCH", "/scheduler/devices/foreign", OPERATOR, {"tenantId": "globex"})

    told = ask(api, deviceType="android-14", minCpu=4)

    assert filters(told) == {
        "wrong_type": 1,
        "too_small": 2,
        "draining": 1,
        "quarantined": 1,
        "not_running": 1,
        "overdue": 1,
        "taken": 1,
        "held": 1,
        "reserved": 1,
    }
    assert [each["deviceId"] for each in told["now"]["candidates"]] == ["free"]
    assert (told["now"]["considered"], told["now"]["fitting"]) == (11, 1)
    assert all(each["change"] for each in told["now"]["excluded"])


def test_why_not_tells_what_could_be_had_as_the_refusal_does(api: Api) -> None:
    phones(api, "small", cpuCores=2)
    phones(api, "big", cpuCores=8)
    api.allocate(userId="bob", preferredSpecs={"minCpu": 8}, durationMinutes=45)

    told = ask(api, minCpu=8)
    refused = api.allocate(preferredSpecs={"minCpu": 8})

    assert (told["wouldGrant"], told["code"], refused.code) == (False, "no_available_devices", "no_available_devices")
    assert filters(told) == {"too_small": 1, "taken": 1}
    assert [o["kind"] for o in told["alternatives"]] == [o["kind"] for o in refused.json["alternatives"]]
    assert "smaller" in [o["kind"] for o in told["alternatives"]]
    assert 2600 < told["nextFreeInSeconds"] <= 2700


def test_an_overdue_device_would_be_granted(api: Api, database: Database) -> None:
    phones(api, "one")
    api.allocate(userId="bob")
    database.call(
        "UPDATE device_allocations SET allocated_at = allocated_at - interval '2 h', expires_at = expires_at - interval"
        " '2 h'; UPDATE devices SET busy_until = busy_until - interval '2 h'; SELECT",
        {},
    )

    told = ask(api)

    assert (told["wouldGrant"], filters(told)) == (True, {"overdue": 1})
    assert api.allocate().status == 201


def test_the_quota_speaks_first(api: Api) -> None:
    phones(api, "one", "two")
    api.call("PUT", "/scheduler/quotas/alice", OPERATOR, {"tenantId": "acme", "limits": {"maxDevices": 1}})
    api.allocate()

    told, refused = ask(api), api.allocate()

    assert (told["wouldGrant"], told["code"], told["remainingDevices"]) == (False, "quota_exceeded", 0)
    assert told["reason"] == refused.json["detail"]


def test_a_quota_that_allows_only_small_ones_excludes_the_others(api: Api) -> None:
    phones(api, "small", cpuCores=2)
    phones(api, "big", cpuCores=8)
    limits = {"maxCpuCoresPerDevice": 4}
    api.call("PUT", "/scheduler/quotas/alice", OPERATOR, {"tenantId": "acme", "limits": limits})

    told = ask(api)

    assert (told["wouldGrant"], filters(told)) == (True, {"over_quota": 1})


def test_a_newcomer_sees_what_others_wait_for(api: Api, database: Database) -> None:
    phones(api, "one")
    api.allocate(userId="bob")
    api.post("/scheduler/queue", SERVICE, {"userId": "cai", "durationMinutes": 30})
    database.call("UPDATE devices SET active_allocation_id = NULL, busy_until = NULL; SELECT", {})

    assert filters(ask(api)) == {"awaited": 1}
    assert ask(api, userId="cai")["wouldGrant"]


def test_it_writes_nothing(api: Api, database: Database) -> None:
    phones(api, "one")

    ask(api)
    ask(api, minCpu=64)

    assert database.call("SELECT count(*) FROM quota_usage", {}) == 0
    assert database.call("SELECT count(*) FROM outbox", {}) == 0


@pytest.mark.parametrize("query", [{}, {"userId": "alice", "durationMinutes": 0}, {"userId": "alice", "minCpu": -1}])
def test_what_is_no_request_is_refused(api: Api, query: dict[str, Any]) -> None:
    answer: Answer = api.get(REQUEST, SERVICE, **query)

    assert (answer.status, answer.code) == (422, "validation_failed")


def test_only_services_of_the_tenant_ask(api: Api) -> None:
    assert api.get(REQUEST, USER, userId="alice").status == 403
    assert api.get(REQUEST, SERVICE, userId="alice", tenantId="globex").status == 403
    assert api.get(REQUEST, OPERATOR, userId="alice", tenantId="globex").status == 200


# --- scores


@pytest.mark.parametrize("strategy", Strategy)
def test_the_parts_add_up_to_the_score(api: Api, database: Database, strategy: Strategy) -> None:
    phones(api, "one", cpuCores=6)
    phones(api, "never", cpuCores=3, memoryMB=5000)
    database.call("INSERT INTO device_heartbeats VALUES ('one', 33, 48, 12, scheduler_clock())", {})
    api.allocate(preferredSpecs={"minCpu": 6})
    api.release("one")
    Placement(PostgresStrategy(database)).choose(Strategy.ROUND_ROBIN, by="lee")
    Placement(PostgresStrategy(database)).choose(strategy, by="lee")

    candidates = ask(api)["now"]["candidates"]

    assert {each["deviceId"] for each in candidates} == {"one", "never"}
    for each in candidates:
        assert sum(each["parts"].values()) == pytest.approx(each["score"])
    assert candidates == sorted(candidates, key=lambda each: -each["score"])


def test_at_most_eight_candidates_are_told_and_a_thousand_of_a_kind_counted(api: Api, database: Database) -> None:
    api.add_devices(1)
    columns = "name, device_type, cpu_cores, memory_mb, storage_mb, adb_host, adb_port, class_id, placement_score"
    database.call(
        f"INSERT INTO devices (id, {columns}) SELECT 'phone-' || n, {columns} FROM devices, generate_series(1, 1200) n;"
        " SELECT",
        {},
    )

    now = ask(api)["now"]

    assert (now["considered"], now["fitting"], now["capped"], len(now["candidates"])) == (1000, 1000, True, 8)
