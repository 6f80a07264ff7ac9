"""Where a device's life may lead: each act from each stretch; and how a device is read."""

from datetime import UTC, datetime

import pytest

from scheduler.domain.device_life import TRANSITIONS, Act, BookedWindow, Device, Life, device_of
from scheduler.domain.health import Heartbeat
from scheduler.domain.model import DeviceStatus

OUTCOMES = {
    #               in_service     draining       quarantined    recycling
    Act.DRAIN: ("draining", "draining", "quarantined", "draining"),
    Act.QUARANTINE: ("quarantined", "quarantined", "quarantined", "quarantined"),
    Act.RESTORE: ("refused", "in_service", "in_service", "in_service"),
    Act.RECYCLED: ("in_service", "draining", "quarantined", "in_service"),
    Act.DELETE: ("deleted", "deleted", "deleted", "deleted"),
}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BEFORE = (Life.IN_SERVICE, Life.DRAINING, Life.QUARANTINED, Life.RECYCLING)


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("before", BEFORE)
def test_an_act_leads_where_the_table_says(act: Act, before: Life) -> None:
    transition = TRANSITIONS[act]
    after = transition.to if before in transition.leaves else "refused" if transition.strict else before

    assert after == OUTCOMES[act][BEFORE.index(before)]


def test_nothing_brings_a_deleted_device_back() -> None:
    assert not any(Life.DELETED in transition.leaves for transition in TRANSITIONS.values())


def test_what_runs_is_moved_only_where_the_device_must_serve_nobody_any_more() -> None:
    ending = {act for act, transition in TRANSITIONS.items() if transition.ends_session}

    assert ending == {Act.QUARANTINE, Act.DELETE}


ALL_KNOWN = {
    "id": "phone-1",
    "name": "Pixel 9 Pro 01",
    "deviceType": "android-14",
    "status": "error",
    "life": "quarantined",
    "lifeReason": "Device failed",
    "lifeChangedAt": "2026-03-02T12:01:00Z",
    "recyclingSince": "2026-03-02T12:02:00Z",
    "failuresInRow": 2,
    "tenantId": "acme",
    "cpuCores": 4,
    "memoryMB": 4096,
    "storageMB": 65536,
    "adbHost": "10.0.0.7",
    "adbPort": 5555,
    "host": "host-1",
    "model": "Pixel 9 Pro",
    "labels": {"rack": "b"},
    "activeAllocationId": "a-1",
    "busyUntil": "2026-03-02T12:03:00Z",
    "lastAllocatedAt": "2026-03-02T12:04:00Z",
    "createdAt": "2026-03-02T12:05:00Z",
    "nextReservation": {
        "reservationId": "r-1",
        "startTime": "2026-03-02T12:06:00Z",
        "endTime": "2026-03-02T12:07:00Z",
    },
    "heartbeat": {
        "cpuUsage": 90,
        "memoryUsage": 20,
        "storageUsage": 30,
        "observedAt": "2026-03-02T12:08:00Z",
        "ageSeconds": 60,
    },
}


def test_a_device_is_read_with_all_that_is_known_of_it() -> None:
    device = device_of(ALL_KNOWN)

    assert device == Device(
        id="phone-1",
        name="Pixel 9 Pro 01",
        device_type="android-14",
        status=DeviceStatus.ERROR,
        life=Life.QUARANTINED,
        life_reason="Device failed",
        life_changed_at=NOON.replace(minute=1),
        recycling_since=NOON.replace(minute=2),
        failures_in_row=2,
        tenant_id="acme",
        cpu_cores=4,
        memory_mb=4096,
        storage_mb=65536,
        adb_host="10.0.0.7",
        adb_port=5555,
        host="host-1",
        model="Pixel 9 Pro",
        labels={"rack": "b"},
        active_allocation_id="a-1",
        busy_until=NOON.replace(minute=3),
        last_allocated_at=NOON.replace(minute=4),
        created_at=NOON.replace(minute=5),
        next_reservation=BookedWindow("r-1", NOON.replace(minute=6), NOON.replace(minute=7)),
        heartbeat=Heartbeat(90, 20, 30, NOON.replace(minute=8), 60),
    )
    assert device.health == 63


NOTHING_KNOWN = {
    **dict.fromkeys(("lifeReason", "lifeChangedAt", "recyclingSince", "tenantId", "host", "model", "busyUntil")),
    **dict.fromkeys(("activeAllocationId", "lastAllocatedAt", "nextReservation", "heartbeat")),
    **dict.fromkeys(("id", "name", "deviceType", "adbHost"), "phone-1"),
    **dict.fromkeys(("cpuCores", "memoryMB", "storageMB", "adbPort", "failuresInRow"), 1),
    **{"status": "running", "life": "in_service", "labels": {}, "createdAt": "2026-03-02T12:00:00Z"},
}


def test_of_a_new_device_much_is_not_known_and_its_sessions_alone_rate_it() -> None:
    device = device_of(NOTHING_KNOWN)

    assert (device.life_changed_at, device.recycling_since, device.busy_until) == (None, None, None)
    assert (device.last_allocated_at, device.next_reservation, device.heartbeat) == (None, None, None)
    assert device.health == 87
