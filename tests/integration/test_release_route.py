"""POST /scheduler/devices/release, through the handler, on real parts."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, USER, Api, Claims
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees

NOBODYS = str(uuid.uuid4())

WRONG_BODIES = [
    pytest.param({}, 422, "validation_failed", id="deviceId missing"),
    pytest.param({"deviceId": ""}, 422, "validation_failed", id="deviceId empty"),
    pytest.param({"deviceId": 7}, 422, "validation_failed", id="deviceId a number"),
    pytest.param({"deviceId": "x" * 256}, 422, "validation_failed", id="deviceId too long"),
    pytest.param({"deviceId": "a\0b"}, 422, "validation_failed", id="deviceId with a NUL"),
    pytest.param({"deviceId": "d", "userId": None, "force": True}, 422, "validation_failed", id="unknown field"),
    pytest.param({"deviceId": "d", "allocationId": "latest"}, 422, "validation_failed", id="allocationId no UUID"),
    pytest.param({"deviceId": "d", "fencingToken": -1}, 422, "validation_failed", id="negative token"),
    pytest.param({"deviceId": "d", "fencingToken": "1"}, 422, "validation_failed", id="token as text"),
    pytest.param({"deviceId": "d", "fencingToken": 2**63}, 422, "validation_failed", id="token beyond 64 bits"),
    pytest.param("{", 400, "invalid_json", id="broken JSON"),
    pytest.param("[]", 422, "validation_failed", id="an array"),
    pytest.param("x" * 1_000_000, 413, "payload_too_large", id="1 MB"),
]

MAY_RELEASE = [
    pytest.param(USER, id="its holder"),
    pytest.param(SERVICE, id="a service of the tenant"),
    pytest.param(OPERATOR, id="an operator"),
]


@pytest.mark.parametrize("claims", MAY_RELEASE)
def test_a_release_gives_the_device_back(api: Api, database: Database, still_clock: Clock, claims: Claims) -> None:
    device_id = _held_device(api)

    answer = api.release(device_id, claims)

    assert answer.status == 200
    assert answer.json["success"] is True
    assert answer.json["message"] == "Device released successfully"
    assert answer.data == {"deviceId": device_id, "durationSeconds": 0}
    assert _events(database) == ["device.allocated", "device.released"]
    assert api.allocate(userId="bob").data["deviceId"] == device_id
    assert_ledger_agrees(database)


@pytest.mark.parametrize(
    "claims", [pytest.param(OTHER_USER, id="another user"), pytest.param(OTHER_TENANT, id="another tenant's service")]
)
def test_for_anybody_else_the_allocation_does_not_exist(api: Api, database: Database, claims: Claims) -> None:
    device_id = _held_device(api)
    allocation_id = _active(database)

    answers = [api.release(device_id, claims), api.release(device_id, claims, allocationId=allocation_id)]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "allocation_not_found")}
    assert _active(database) == allocation_id
    assert_ledger_agrees(database)


def test_a_user_may_not_release_in_the_name_of_another(api: Api) -> None:
    device_id = _held_device(api)

    answer = api.release(device_id, OTHER_USER, userId="alice")

    assert (answer.status, answer.code) == (403, "forbidden")


def test_a_service_that_names_the_wrong_user_releases_nothing(api: Api, database: Database) -> None:
    device_id = _held_device(api)

    assert api.release(device_id, userId="bob").code == "allocation_not_found"
    assert api.release(device_id, userId="alice").status == 200
    assert_ledger_agrees(database)


@pytest.mark.parametrize("device", ["free", "unknown"])
def test_where_nothing_is_active_there_is_nothing_to_release(api: Api, device: str) -> None:
    api.add_devices(1, id="free")

    answer = api.release(device)

    assert (answer.status, answer.code) == (404, "allocation_not_found")
    assert answer.json["retryable"] is False


def test_an_allocation_that_ended_is_not_active(api: Api, database: Database) -> None:
    device_id = _held_device(api)
    first = _active(database)
    api.release(device_id)
    second = api.allocate(userId="bob").data["allocationId"]

    answer = api.release(device_id, allocationId=first)

    assert (answer.status, answer.code) == (409, "allocation_not_active")
    assert _active(database) == second


def test_an_allocation_of_another_device_is_not_found(api: Api, database: Database) -> None:
    device_id = _held_device(api)
    (other,) = api.add_devices(1, name="other")

    assert api.release(other, allocationId=_active(database)).code == "allocation_not_found"
    assert api.release(device_id, allocationId=NOBODYS).code == "allocation_not_found"


def test_a_stale_fencing_token_stops_a_late_release(api: Api, database: Database) -> None:
    device_id = _held_device(api)
    api.release(device_id, fencingToken=1)
    again = api.allocate().data

    late = api.release(device_id, fencingToken=1)

    assert again["fencingToken"] == 2
    assert (late.status, late.code) == (409, "stale_fencing_token")
    assert api.release(device_id, fencingToken=2).status == 200
    assert_ledger_agrees(database)


def test_the_same_key_releases_once_and_answers_alike(api: Api, database: Database, still_clock: Clock) -> None:
    device_id = _held_device(api)
    still_clock.advance(seconds=90)
    first = api.release(device_id, key="k-1")
    api.allocate(userId="bob")
    still_clock.advance(seconds=5)

    again = api.release(device_id, key="k-1")

    assert first.data["durationSeconds"] == 90
    assert (again.status, again.text) == (200, first.text)
    assert _active(database) is not None
    assert api.release("another", key="k-1").code == "idempotency_key_reused"


def test_an_overdue_one_is_released_as_expired_with_one_event(api: Api, database: Database, clock: Clock) -> None:
    device_id = _held_device(api, minutes=5)
    clock.advance(minutes=7)

    answer = api.release(device_id)

    assert (answer.status, answer.data["durationSeconds"]) == (200, 300)
    assert _only_row(database)["status"] == "expired"
    assert _events(database) == ["device.allocated", "scheduler.allocation.expired"]
    assert_ledger_agrees(database)


@pytest.mark.parametrize(
    ("held_for", "billed"),
    [
        pytest.param(timedelta(0), 0, id="given back at once"),
        pytest.param(timedelta(seconds=61, milliseconds=200), 61, id="the last second is not rounded up"),
        pytest.param(timedelta(minutes=4, seconds=59), 299, id="just before the end"),
        pytest.param(timedelta(minutes=5), 300, id="at the end"),
        pytest.param(timedelta(days=2), 300, id="long after the end"),
    ],
)
def test_billed_seconds_end_with_the_minutes(
    api: Api, database: Database, still_clock: Clock, held_for: timedelta, billed: int
) -> None:
    device_id = _held_device(api, minutes=5)
    still_clock.advance(seconds=held_for.total_seconds())

    answer = api.release(device_id)

    row = _only_row(database)
    end = min(row["released_at"], row["expires_at"])
    assert answer.data["durationSeconds"] == row["duration_seconds"] == billed
    assert row["duration_seconds"] == (end - row["allocated_at"]) // timedelta(seconds=1)
    (event,) = database.rows("SELECT data FROM outbox WHERE type <> 'device.allocated'", {})
    assert event["data"]["durationSeconds"] == billed
    assert event["data"]["quotaRestored"] == {"devices": 1, "cpuCores": 4, "memoryMB": 4096, "storageMB": 65536}


@pytest.mark.parametrize(("body", "status", "code"), WRONG_BODIES)
def test_bad_input_is_refused_and_ends_nothing(
    api: Api, database: Database, body: object, status: int, code: str
) -> None:
    _held_device(api)

    answer = api.post("/scheduler/devices/release", SERVICE, body)

    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert _active(database) is not None


def test_without_verified_claims_nothing_is_released(api: Api) -> None:
    answer = api.post("/scheduler/devices/release", None, {"deviceId": _held_device(api)})

    assert (answer.status, answer.code) == (401, "unauthorized")


def test_a_warm_release_is_one_round_trip_to_postgres(api: Api) -> None:
    from scheduler import runtime

    device_id = _held_device(api)
    before = runtime.database().round_trips

    api.release(device_id)

    assert runtime.database().round_trips - before == 1


def _held_device(api: Api, minutes: int = 60) -> str:
    """Add a device and lend it to alice."""
    api.add_devices(1)
    return str(api.allocate(durationMinutes=minutes).data["deviceId"])


def _active(database: Database) -> Any:
    return database.call("SELECT id::text FROM device_allocations WHERE status = 'allocated'", {})


def _only_row(database: Database) -> dict[str, Any]:
    (row,) = database.rows("SELECT * FROM device_allocations", {})
    return row


def _events(database: Database) -> list[str]:
    return [row["type"] for row in database.rows("SELECT type FROM outbox ORDER BY id", {})]
