"""A device dies under an allocation: the same allocation goes on with another one, or ends with a reason."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.interventions import PostgresInterventions
from scheduler.domain.errors import AllocationNotActive
from scheduler.domain.incoming import DeviceDeleted, DeviceFailed, DeviceStatusChanged, EventMark, Family
from scheduler.domain.model import DeviceStatus
from scheduler.ports.interventions import FailoverOrder
from scheduler.runtime.interventions import get_failover, get_incidents
from scheduler.runtime.reservations import get_reservation_keeper
from tests.support.api import OPERATOR, SERVICE, USER, Api
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees

SMALL = {"cpuCores": 2, "memoryMB": 2048, "storageMB": 16384}
LARGE = {"cpuCores": 8, "memoryMB": 16384, "storageMB": 262144}


def mark(device_id: str, at: datetime, event_id: str | None = None) -> EventMark:
    return EventMark(event_id or f"host|{uuid.uuid4()}", Family.DEVICE, device_id, at)


def fail(clock: Clock, device_id: str, *, seconds_ago: float = 0) -> None:
    told = mark(device_id, clock.read() - timedelta(seconds=seconds_ago))
    get_incidents().failed(DeviceFailed(told, device_id, "no answer"))


def run_again(clock: Clock, device_id: str) -> None:
    told = mark(device_id, clock.read())
    get_incidents().status_changed(DeviceStatusChanged(told, device_id, "error", DeviceStatus.RUNNING, None))


def bill(database: Database, allocation_id: str) -> list[tuple[Any, ...]]:
    rows = database.rows(
        "SELECT segment, kind, device_id, seconds FROM usage_records WHERE allocation_id = %(id)s::uuid"
        " ORDER BY segment, kind DESC",
        {"id": allocation_id},
    )
    return [tuple(row.values()) for row in rows]


def events(database: Database, kind: str) -> list[Mapping[str, Any]]:
    return [
        row["data"]
        for row in database.rows("SELECT data FROM outbox WHERE type = %(type)s ORDER BY id", {"type": kind})
    ]


def test_the_allocation_goes_on_with_another_device_and_the_bill_has_two_parts(
    api: Api, database: Database, still_clock: Clock
) -> None:
    api.add_devices(2)
    before = api.allocate(durationMinutes=60).data
    still_clock.advance(minutes=10)

    fail(still_clock, before["deviceId"], seconds_ago=45)

    after = api.get(f"/scheduler/allocations/{before['allocationId']}", USER).data
    assert after["status"] == "allocated"
    assert after["deviceId"] != before["deviceId"]
    assert after["adbPort"] != before["adbPort"]
    assert after["expiresAt"] == before["expiresAt"]
    still_clock.advance(minutes=20)
    assert api.release(after["deviceId"], USER).data["durationSeconds"] == 1800
    assert bill(database, before["allocationId"]) == [
        (1, "usage", before["deviceId"], 600),
        (1, "credit", before["deviceId"], 45),
        (2, "usage", after["deviceId"], 1200),
    ]
    (told,) = events(database, "scheduler.allocation.failed_over")
    assert (told["oldDeviceId"], told["deviceId"]) == (before["deviceId"], after["deviceId"])
    assert told["creditedSeconds"] == 45
    assert_ledger_agrees(database)


def test_the_token_of_the_old_device_is_refused(api: Api, clock: Clock) -> None:
    api.add_devices(2)
    before = api.allocate().data

    fail(clock, before["deviceId"])

    after = api.get(f"/scheduler/allocations/{before['allocationId']}", USER).data
    assert after["fencingToken"] > before["fencingToken"]
    old = {"fencingToken": before["fencingToken"]}
    assert api.release(before["deviceId"], USER, **old).code == "allocation_not_found"
    assert api.release(after["deviceId"], USER, **old).code == "stale_fencing_token"
    assert api.release(after["deviceId"], USER, fencingToken=after["fencingToken"]).status == 200


def test_without_another_device_it_ends_with_the_reason_and_a_credit(
    api: Api, database: Database, still_clock: Clock
) -> None:
    (device,) = api.add_devices(1)
    allocation = api.allocate().data["allocationId"]
    still_clock.advance(minutes=5)

    fail(still_clock, device, seconds_ago=30)

    found = api.get(f"/scheduler/allocations/{allocation}", USER).data
    assert (found["status"], found["durationSeconds"]) == ("revoked", 300)
    (told,) = events(database, "scheduler.allocation.revoked")
    assert told["reason"] == "Device failed: no answer"
    assert bill(database, allocation) == [(1, "usage", device, 300), (1, "credit", device, 30)]
    assert_ledger_agrees(database)


def test_no_smaller_device_than_was_asked_for_is_given(api: Api, database: Database, clock: Clock) -> None:
    (large,) = api.add_devices(1, **LARGE)
    api.add_devices(1, **SMALL)
    allocation = api.allocate(preferredSpecs={"minCpu": 4}).data
    assert allocation["deviceId"] == large

    fail(clock, large)

    assert api.get(f"/scheduler/allocations/{allocation['allocationId']}", USER).data["status"] == "revoked"


def test_a_smaller_device_that_meets_what_was_asked_is_better_than_none(
    api: Api, database: Database, clock: Clock
) -> None:
    (large,) = api.add_devices(1, **LARGE)
    allocation = api.allocate(preferredSpecs={"minCpu": 2}).data
    (small,) = api.add_devices(1, **SMALL)

    fail(clock, large)

    assert api.get(f"/scheduler/allocations/{allocation['allocationId']}", USER).data["deviceId"] == small
    usage = database.rows("SELECT devices, cpu_cores, memory_mb FROM quota_usage", {})
    assert usage == [{"devices": 1, "cpu_cores": 2, "memory_mb": 2048}]
    assert_ledger_agrees(database)


def test_an_overdue_device_is_freed_for_it(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices(2)
    api.allocate(userId="bob", durationMinutes=5)
    allocation = api.allocate().data
    still_clock.advance(minutes=6)

    fail(still_clock, allocation["deviceId"])

    found = api.get(f"/scheduler/allocations/{allocation['allocationId']}", USER).data
    assert found["status"] == "allocated"
    assert found["deviceId"] != allocation["deviceId"]


def test_a_reservation_goes_on_with_the_other_device_too(api: Api, database: Database, still_clock: Clock) -> None:
    api.add_devices(2)
    start = (still_clock.read() + timedelta(minutes=5)).isoformat()
    booked = api.post(
        "/scheduler/reservations", SERVICE, {"userId": "alice", "startTime": start, "durationMinutes": 30}
    )
    still_clock.advance(minutes=5)
    assert get_reservation_keeper().execute_due() == 1

    fail(still_clock, booked.data["deviceId"])

    reservation = api.get(f"/scheduler/reservations/{booked.data['reservationId']}", USER).data
    assert reservation["status"] == "executing"
    assert reservation["deviceId"] != booked.data["deviceId"]
    assert_ledger_agrees(database)


def test_the_same_event_again_moves_nothing(api: Api, database: Database, clock: Clock) -> None:
    api.add_devices(3)
    device = api.allocate().data["deviceId"]
    told = DeviceFailed(mark(device, clock.read(), "host|1"), device, None)

    for _ in range(3):
        get_incidents().failed(told)

    assert len(events(database, "scheduler.allocation.failed_over")) == 1
    assert database.call("SELECT failures_in_row FROM devices WHERE id = %(id)s", {"id": device}) == 1


def test_an_older_event_than_the_newest_changes_nothing(api: Api, database: Database, clock: Clock) -> None:
    api.add_devices(2)
    device = api.allocate().data["deviceId"]
    now = clock.read()
    get_incidents().status_changed(DeviceStatusChanged(mark(device, now), device, "error", DeviceStatus.RUNNING, None))

    get_incidents().failed(DeviceFailed(mark(device, now - timedelta(seconds=1)), device, None))

    assert database.call("SELECT status FROM devices WHERE id = %(id)s", {"id": device}) == "running"
    assert events(database, "scheduler.allocation.failed_over") == []


def test_an_event_that_was_cut_after_its_first_half_goes_on(api: Api, database: Database, clock: Clock) -> None:
    api.add_devices(2)
    device = api.allocate().data["deviceId"]
    told = DeviceFailed(mark(device, clock.read(), "host|1"), device, None)
    PostgresInterventions(database).note_status(told.mark, device, DeviceStatus.ERROR)

    get_incidents().failed(told)

    assert len(events(database, "scheduler.allocation.failed_over")) == 1


def test_the_second_half_of_an_event_that_another_delivery_has_finished_moves_nothing(
    api: Api, database: Database, clock: Clock
) -> None:
    api.add_devices(3)
    device = api.allocate().data["deviceId"]
    told = DeviceFailed(mark(device, clock.read(), "host|1"), device, None)
    facts = PostgresInterventions(database).note_status(told.mark, device, DeviceStatus.ERROR)
    get_incidents().failed(told)  # delivered again while the first delivery is frozen

    with pytest.raises(AllocationNotActive):
        get_failover().fail_over(FailoverOrder(facts["allocationId"], "Device failed", told.mark.at, True, told.mark))

    assert len(events(database, "scheduler.allocation.failed_over")) == 1
    assert database.call("SELECT sum(failures_in_row)::int FROM devices", {}) == 1


def test_an_operator_who_moves_it_first_leaves_nothing_to_move(api: Api, database: Database, clock: Clock) -> None:
    api.add_devices(3)
    allocation = api.allocate().data
    told = DeviceFailed(mark(allocation["deviceId"], clock.read()), allocation["deviceId"], None)
    PostgresInterventions(database).note_status(told.mark, allocation["deviceId"], DeviceStatus.ERROR)
    moved = api.post(f"/scheduler/allocations/{allocation['allocationId']}/failover", OPERATOR, {"reason": "Noise"})
    order = FailoverOrder(allocation["allocationId"], "Device failed", told.mark.at, True, told.mark)

    with pytest.raises(AllocationNotActive):
        get_failover().fail_over(order)

    found = api.get(f"/scheduler/allocations/{allocation['allocationId']}", USER).data
    assert found["deviceId"] == moved.data["deviceId"]


def test_a_deletion_that_was_cut_after_its_first_half_goes_on_with_its_credit(
    api: Api, database: Database, still_clock: Clock
) -> None:
    api.add_devices(2)
    allocation = api.allocate().data
    still_clock.advance(minutes=10)
    told_at = still_clock.read() - timedelta(seconds=30)
    told = EventMark("host|1", Family.DELETION, allocation["deviceId"], told_at)
    PostgresInterventions(database).note_deleted(told, allocation["deviceId"], "Device left the fleet")

    get_incidents().deleted(DeviceDeleted(told, allocation["deviceId"], None))

    assert bill(database, allocation["allocationId"]) == [
        (1, "usage", allocation["deviceId"], 600),
        (1, "credit", allocation["deviceId"], 30),
    ]


def test_a_holder_who_has_left_a_device_that_is_cleared_stays_where_she_is(api: Api, database: Database) -> None:
    api.add_devices(3)
    allocation = api.allocate().data
    path = f"/scheduler/allocations/{allocation['allocationId']}"
    moved = api.post(f"{path}/failover", OPERATOR, {"reason": "Noise"}).data

    with pytest.raises(AllocationNotActive):
        get_failover().fail_over(
            FailoverOrder(allocation["allocationId"], "Quarantined", device_id=allocation["deviceId"])
        )

    assert api.get(path, USER).data["deviceId"] == moved["deviceId"]


def test_the_third_failure_in_a_row_quarantines_the_device(api: Api, database: Database, clock: Clock) -> None:
    (device,) = api.add_devices(1)
    for number in range(3):
        assert api.allocate().status == 201, number
        fail(clock, device)
        run_again(clock, device)

    assert api.allocate().code == "no_available_devices"
    (told,) = events(database, "scheduler.device.quarantined")
    assert (told["deviceId"], told["failuresInRow"]) == (device, 3)
    assert len(events(database, "scheduler.device.restored")) == 2


def test_an_end_in_order_makes_a_device_good_again(api: Api, database: Database, clock: Clock) -> None:
    (device,) = api.add_devices(1)
    for _ in range(2):
        api.allocate()
        fail(clock, device)
        run_again(clock, device)
    api.allocate()

    api.release(device)

    assert database.call("SELECT failures_in_row FROM devices", {}) == 0


def test_tenants_without_failover_lose_the_allocation(api: Api, environment: pytest.MonkeyPatch, clock: Clock) -> None:
    environment.setenv("FAILOVER_OFF_TENANTS", "globex, acme")
    api.add_devices(2)
    allocation = api.allocate().data

    fail(clock, allocation["deviceId"])

    assert api.get(f"/scheduler/allocations/{allocation['allocationId']}", USER).data["status"] == "revoked"


def test_an_operator_moves_an_allocation_and_leaves_its_device_free(api: Api, database: Database) -> None:
    api.add_devices(2)
    allocation = api.allocate().data
    path = f"/scheduler/allocations/{allocation['allocationId']}/failover"

    first = api.post(path, OPERATOR, {"reason": "Rack moves"}, key="k")

    assert first.status == 200
    assert (first.data["outcome"], first.data["oldDeviceId"]) == ("moved", allocation["deviceId"])
    assert api.post(path, OPERATOR, {"reason": "Rack moves"}, key="k").data == first.data
    assert api.post(path, SERVICE, {"reason": "Rack moves"}).status == 403
    assert bill(database, allocation["allocationId"])[0][1] == "usage"
    assert [row["kind"] for row in database.rows("SELECT kind FROM usage_records", {})] == ["usage"]
    assert api.get("/scheduler/devices/available", SERVICE).json["total"] == 1


def test_an_operator_revokes_with_a_reason(api: Api, database: Database) -> None:
    api.add_devices(1)
    allocation = api.allocate().data["allocationId"]

    answer = api.post(f"/scheduler/allocations/{allocation}/revoke", OPERATOR, {"reason": "Abuse"})

    assert (answer.status, answer.data["status"]) == (200, "revoked")
    assert api.post(f"/scheduler/allocations/{allocation}/revoke", OPERATOR, {"reason": "Abuse"}).status == 409
    assert api.post(f"/scheduler/allocations/{uuid.uuid4()}/revoke", OPERATOR, {"reason": "Abuse"}).status == 404
    assert api.post("/scheduler/allocations/x/revoke", OPERATOR, {"reason": "Abuse"}).status == 404
    assert events(database, "scheduler.allocation.revoked")[0]["reason"] == "Abuse"


def test_whatever_ends_an_allocation_writes_one_record_of_its_seconds(
    api: Api, database: Database, still_clock: Clock
) -> None:
    api.add_devices(4)
    released, revoked, expired, repaired = (api.allocate(durationMinutes=10).data for _ in range(4))
    still_clock.advance(seconds=90.5)
    api.release(released["deviceId"])
    api.post(f"/scheduler/allocations/{revoked['allocationId']}/revoke", OPERATOR, {"reason": "Abuse"})
    database.call(
        "UPDATE device_allocations SET status = 'released' WHERE id = %(id)s::uuid", {"id": repaired["allocationId"]}
    )
    still_clock.advance(minutes=30)
    api.post("/scheduler/allocations/release-expired", SERVICE)

    bills = [bill(database, ended["allocationId"]) for ended in (released, revoked, repaired, expired)]
    assert [[part[3] for part in parts] for parts in bills] == [[90], [90], [90], [600]]


def test_failing_devices_and_racing_users_leave_no_device_with_two(api: Api, database: Database, clock: Clock) -> None:
    devices = api.add_devices(8)
    allocations = [api.allocate(userId=f"user-{n}").data for n in range(4)]

    def shake(number: int) -> None:
        if number % 2:
            fail(clock, devices[number % len(devices)])
        else:
            api.allocate(userId=f"other-{number}")

    for number in range(16):
        shake(number)

    assert len(allocations) == 4
    assert_ledger_agrees(database)
