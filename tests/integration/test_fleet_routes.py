"""POST /scheduler/devices and PATCH /scheduler/devices/{deviceId}, through the handler, on real parts."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, SERVICE, USER, Answer, Api, Claims, device_body
from tests.support.ledger import assert_ledger_agrees

DEVICES = "/scheduler/devices"

WRONG_DEVICES = [
    pytest.param({"id": ""}, "id", id="empty id"),
    pytest.param({"id": 7}, "id", id="id a number"),
    pytest.param({"id": "x" * 256}, "id", id="id too long"),
    pytest.param({"name": None}, "name", id="no name"),
    pytest.param({"name": "a\0b"}, "name", id="name with a NUL"),
    pytest.param({"deviceType": "x" * 51}, "deviceType", id="type too long"),
    pytest.param({"status": "lost"}, "status", id="unknown status"),
    pytest.param({"cpuCores": 0}, "cpuCores", id="no cores"),
    pytest.param({"cpuCores": "4"}, "cpuCores", id="cores as text"),
    pytest.param({"cpuCores": True}, "cpuCores", id="cores as truth"),
    pytest.param({"memoryMB": 2**31}, "memoryMB", id="memory beyond an integer"),
    pytest.param({"storageMB": -1}, "storageMB", id="negative storage"),
    pytest.param({"adbPort": 65536}, "adbPort", id="port too high"),
    pytest.param({"adbHost": ""}, "adbHost", id="no address"),
    pytest.param({"labels": {"n": "\0"}}, "labels", id="NUL in labels"),
    pytest.param({"labels": ["a"]}, "labels", id="labels a list"),
    pytest.param({"colour": "red"}, "colour", id="unknown field"),
]


def test_one_device_is_added_under_its_own_id(api: Api, database: Database) -> None:
    answer = api.post(DEVICES, OPERATOR, device_body(0, id="phone-a", labels={"rack": "7"}, host="h-1", model="Pixel"))

    assert answer.status == 201
    assert answer.json == {"success": True, "data": {"ids": ["phone-a"]}, "message": "Registered devices: 1"}
    row = _device(database, "phone-a")
    assert (row["labels"], row["host"], row["model"], row["status"]) == ({"rack": "7"}, "h-1", "Pixel", "running")
    assert api.allocate().data["deviceId"] == "phone-a"


def test_many_are_added_in_the_order_given(api: Api, database: Database) -> None:
    devices = [device_body(number, id=f"phone-{number}") for number in (3, 1, 2)]

    assert api.post(DEVICES, OPERATOR, {"devices": devices}).data["ids"] == ["phone-3", "phone-1", "phone-2"]
    assert _count(database) == 3


def test_a_device_without_an_id_gets_one(api: Api) -> None:
    ids = api.add_devices(2)

    assert len(set(ids)) == 2
    assert all(ids)


def test_an_id_that_is_taken_adds_none_of_the_call(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a")

    answer = api.post(
        DEVICES, OPERATOR, {"devices": [device_body(1, id="phone-b"), device_body(2, id="phone-a", cpuCores=64)]}
    )

    assert (answer.status, answer.code) == (409, "device_exists")
    assert answer.json["detail"] == "Registered already or given twice: phone-a"
    assert [row["id"] for row in database.rows("SELECT id FROM devices", {})] == ["phone-a"]
    assert _device(database, "phone-a")["cpu_cores"] == 4


def test_an_id_given_twice_adds_none_of_the_call(api: Api, database: Database) -> None:
    answer = api.post(
        DEVICES, OPERATOR, {"devices": [device_body(1), device_body(2, id="twin"), device_body(3, id="twin")]}
    )

    assert (answer.status, answer.code) == (409, "device_exists")
    assert answer.json["detail"] == "Registered already or given twice: twin"
    assert _count(database) == 0


@pytest.mark.parametrize("count", [0, 101])
def test_a_call_adds_1_to_100_devices(api: Api, database: Database, count: int) -> None:
    smallest = {"name": "p", "deviceType": "t", "cpuCores": 1, "memoryMB": 1, "storageMB": 1, "adbHost": "h"}
    devices = [smallest | {"adbPort": 1 + number} for number in range(count)]

    answer = api.post(DEVICES, OPERATOR, json.dumps({"devices": devices}, separators=(",", ":")))

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert _count(database) == 0


@pytest.mark.parametrize(("wrong", "field"), WRONG_DEVICES)
def test_a_wrong_device_is_refused_and_nothing_added(
    api: Api, database: Database, wrong: Mapping[str, Any], field: str
) -> None:
    alone = api.post(DEVICES, OPERATOR, device_body(0) | wrong)
    among = api.post(DEVICES, OPERATOR, {"devices": [device_body(0), device_body(1) | wrong]})

    for answer in (alone, among):
        assert (answer.status, answer.code) == (422, "validation_failed")
        assert any(field in error["field"] for error in answer.json["errors"])
    assert _count(database) == 0


def test_labels_are_bounded(api: Api) -> None:
    assert api.post(DEVICES, OPERATOR, device_body(0, labels={"n": "x" * 5000})).code == "payload_too_large"


def test_the_same_key_adds_once_and_answers_alike(api: Api, database: Database) -> None:
    first, again = (api.post(DEVICES, OPERATOR, device_body(0), key="k-1") for _ in range(2))

    assert (again.status, again.text) == (201, first.text)
    assert _count(database) == 1
    assert api.post(DEVICES, OPERATOR, device_body(1), key="k-1").code == "idempotency_key_reused"


@pytest.mark.parametrize("claims", [USER, SERVICE])
def test_only_operators_change_the_fleet(api: Api, database: Database, claims: Claims) -> None:
    api.add_devices(1, id="phone-a")

    assert api.post(DEVICES, claims, device_body(1)).code == "forbidden"
    assert _patch(api, "phone-a", {"status": "stopped"}, claims).code == "forbidden"
    assert api.post(DEVICES, None, device_body(1)).status == 401
    assert (_count(database), _device(database, "phone-a")["status"]) == (1, "running")


def test_a_change_touches_only_the_named_fields(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a", host="h-1", model="Pixel", labels={"rack": "7"})
    before = _device(database, "phone-a")

    answer = _patch(api, "phone-a", {"name": "renamed", "adbPort": 6000, "labels": {}})

    assert answer.json == {"success": True, "data": {"id": "phone-a"}, "message": "Device changed successfully"}
    after = _device(database, "phone-a")
    changed = {name for name, value in after.items() if value != before[name]}
    assert changed == {"name", "adb_port", "labels", "updated_at"}
    assert (after["name"], after["adb_port"], after["labels"]) == ("renamed", 6000, {})


def test_null_clears_what_may_be_empty(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a", host="h-1", model="Pixel", tenantId="globex")

    assert _patch(api, "phone-a", {"host": None, "model": None, "tenantId": None}).status == 200

    row = _device(database, "phone-a")
    assert (row["host"], row["model"], row["tenant_id"]) == (None, None, None)
    assert api.allocate().data["deviceId"] == "phone-a"


@pytest.mark.parametrize(
    "field",
    ["name", "deviceType", "status", "cpuCores", "memoryMB", "storageMB", "adbHost", "adbPort", "labels"],
)
def test_null_is_refused_where_a_device_needs_a_value(api: Api, field: str) -> None:
    api.add_devices(1, id="phone-a")

    assert _patch(api, "phone-a", {field: None}).code == "validation_failed"


@pytest.mark.parametrize(("wrong", "field"), [case for case in WRONG_DEVICES if case.id != "no name"])
def test_a_wrong_change_is_refused(api: Api, database: Database, wrong: Mapping[str, Any], field: str) -> None:
    api.add_devices(1, id="phone-a")
    before = _device(database, "phone-a")

    answer = _patch(api, "phone-a", wrong)

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert any(field in error["field"] for error in answer.json["errors"])
    assert _device(database, "phone-a") == before


def test_an_unknown_device_is_not_found(api: Api) -> None:
    answer = _patch(api, "nowhere", {"name": "ghost"})

    assert (answer.status, answer.code) == (404, "device_not_found")


def test_new_specs_move_the_device_to_another_class(api: Api) -> None:
    api.add_devices(1, id="phone-a", cpuCores=2)
    assert api.allocate(preferredSpecs={"minCpu": 8}).code == "no_available_devices"

    _patch(api, "phone-a", {"cpuCores": 8, "deviceType": "tablet"})

    assert api.allocate(deviceType="android-14").code == "no_available_devices"
    assert api.allocate(preferredSpecs={"minCpu": 8}, deviceType="tablet").data["deviceId"] == "phone-a"


def test_a_device_can_be_dedicated_and_shared_again(api: Api) -> None:
    api.add_devices(1, id="phone-a")

    _patch(api, "phone-a", {"tenantId": "globex"})
    assert api.allocate().code == "no_available_devices"

    _patch(api, "phone-a", {"tenantId": None})
    assert api.allocate().status == 201


@pytest.mark.parametrize("status", ["stopped", "error", "maintenance"])
def test_a_device_that_stops_running_is_lent_no_more(api: Api, status: str) -> None:
    api.add_devices(1, id="phone-a")

    _patch(api, "phone-a", {"status": status})
    assert api.allocate().code == "no_available_devices"

    _patch(api, "phone-a", {"status": "running"})
    assert api.allocate().status == 201


def test_a_running_allocation_keeps_the_numbers_it_was_counted_with(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a", cpuCores=4, memoryMB=4096)
    api.allocate()

    _patch(api, "phone-a", {"cpuCores": 16, "memoryMB": 65536, "storageMB": 1, "tenantId": "globex"})

    assert _usage(database) == {"devices": 1, "cpu_cores": 4, "memory_mb": 4096, "storage_mb": 65536}
    assert_ledger_agrees(database)
    assert api.release("phone-a").status == 200
    assert _usage(database) == {"devices": 0, "cpu_cores": 0, "memory_mb": 0, "storage_mb": 0}
    assert_ledger_agrees(database)


def test_the_next_allocation_is_counted_with_the_new_specs(api: Api, database: Database) -> None:
    api.add_devices(1, id="phone-a", cpuCores=4)
    api.allocate()
    _patch(api, "phone-a", {"cpuCores": 16})
    api.release("phone-a")

    api.allocate()

    assert _usage(database)["cpu_cores"] == 16
    assert_ledger_agrees(database)


def _patch(api: Api, device_id: str, changes: Any, claims: Claims = OPERATOR) -> Answer:
    return api.call("PATCH", f"{DEVICES}/{device_id}", claims, changes)


def _device(database: Database, device_id: str) -> dict[str, Any]:
    (row,) = database.rows("SELECT * FROM devices WHERE id = %(id)s", {"id": device_id})
    return row


def _count(database: Database) -> Any:
    return database.call("SELECT count(*) FROM devices", {})


def _usage(database: Database) -> dict[str, Any]:
    (row,) = database.rows("SELECT devices, cpu_cores, memory_mb, storage_mb FROM quota_usage", {})
    return row


def test_errors_name_the_fields_as_the_caller_wrote_them(api: Api) -> None:
    one = api.post("/scheduler/devices", OPERATOR, device_body(1, cpuCores="four"))
    many = api.post("/scheduler/devices", OPERATOR, {"devices": [device_body(1), device_body(2, cpuCores="four")]})

    assert [error["field"] for error in one.json["errors"]] == ["cpuCores"]
    assert [error["field"] for error in many.json["errors"]] == ["devices.1.cpuCores"]


@pytest.mark.parametrize("device_id", ["a/b", "a b", "a#b", "a?b", "a%b", "\U0001f4f1", 'a"b'])
def test_an_id_that_cannot_stand_in_a_path_is_refused(api: Api, device_id: str) -> None:
    assert api.post("/scheduler/devices", OPERATOR, device_body(1, id=device_id)).code == "validation_failed"


def test_a_device_whose_allocation_came_before_it_is_taken(api: Api, database: Database) -> None:
    columns = "(device_id, user_id, tenant_id, fencing_token)"
    database.call(f"INSERT INTO device_allocations {columns} VALUES ('late', 'bob', 'acme', 7)", {})

    api.add_devices(1, id="late")

    assert api.get("/scheduler/devices/available", SERVICE).data == []
    assert api.allocate().code == "no_available_devices"
    api.release("late", userId="bob")
    assert api.allocate().data["fencingToken"] == 8
