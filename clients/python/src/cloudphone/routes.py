"""The scheduler's routes as functions, each with the request that it describes and the type of its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypedDict

from typing_extensions import Unpack

from cloudphone import fleet_models as fleet
from cloudphone import models
from cloudphone.calls import PAGE, Call, Page, data, get, given, instant, listed, part, post


class Wants(TypedDict, total=False):
    """What `allocate` takes.

    A service names the user; for a user's own token its subject is taken. `metadata` is kept with the allocation.
    """

    minutes: int
    user_id: str
    min_cpu: int
    min_memory_mb: int
    min_storage_mb: int
    device_type: str
    metadata: Mapping[str, Any]


class Window(TypedDict, total=False):
    """What a reservation takes beside its time. A service names the user."""

    user_id: str | None
    min_cpu: int | None
    min_memory_mb: int | None
    device_type: str | None
    remind_before_minutes: int


def wanted(user_id: str | None, wants: Wants) -> dict[str, Any]:
    """Write what is wanted as a body."""
    specs = given(
        minCpu=wants.get("min_cpu"), minMemory=wants.get("min_memory_mb"), minStorage=wants.get("min_storage_mb")
    )
    return given(
        userId=user_id,
        durationMinutes=wants.get("minutes"),
        deviceType=wants.get("device_type"),
        preferredSpecs=specs or None,
        metadata=wants.get("metadata"),
    )


def allocate(
    user_id: str, wants: Wants, *, wait: bool, max_wait_minutes: int
) -> Call[models.Allocation | models.Waiter]:
    """Lend a device at once, or with `wait` a place in the queue when none is free."""
    body = wanted(user_id, wants) | given(wait=wait or None, maxWaitMinutes=max_wait_minutes if wait else None)

    def read(status: int, content: bytes) -> models.Allocation | models.Waiter:
        return data(models.Waiter)(status, content) if status == 202 else data(models.Allocation)(status, content)

    return post("/devices/allocate", read, body)


def release(device_id: str, allocation_id: str | None = None, user_id: str | None = None) -> Call[models.Released]:
    """Give a device back; with `allocation_id` only if it is still lent under that."""
    body = given(deviceId=device_id, allocationId=allocation_id, userId=user_id)
    return post("/devices/release", data(models.Released), body)


def renew(allocation_id: str, minutes: int, reason: str | None = None) -> Call[models.Renewal]:
    """Add minutes to an active allocation."""
    body = given(additionalMinutes=minutes, reason=reason)
    return post(f"/allocations/{part(allocation_id)}/renew", data(models.Renewal), body)


def renewal(allocation_id: str) -> Call[models.RenewalOutlook]:
    """Ask what a renewal would answer."""
    return get(f"/allocations/{part(allocation_id)}/renewal", data(models.RenewalOutlook))


def allocation(allocation_id: str) -> Call[models.AllocationDetail]:
    """Read one allocation."""
    return get(f"/allocations/{part(allocation_id)}", data(models.AllocationDetail))


def allocations(
    *, user_id: str | None = None, device_id: str | None = None, status: str | None = None, limit: int = PAGE
) -> Call[Page[models.AllocationSummary]]:
    """List allocations, newest first: one's own, for a service its tenant's."""
    return listed(
        "/allocations", models.AllocationSummary, userId=user_id, deviceId=device_id, status=status, limit=limit
    )


def available(
    *,
    min_cpu: int | None = None,
    min_memory_mb: int | None = None,
    device_type: str | None = None,
    limit: int = PAGE,
) -> Call[Page[fleet.FreeDevice]]:
    """List free devices, by id."""
    asked = {"minCpu": min_cpu, "minMemory": min_memory_mb, "deviceType": device_type, "limit": limit}
    return listed("/devices/available", fleet.FreeDevice, **asked)


def reserve(start: datetime, minutes: int, **window: Unpack[Window]) -> Call[models.Reservation]:
    """Reserve a device for one window; `start` is an aware datetime."""
    return post("/reservations", data(models.Reservation), _booked(start, minutes, window))


def reserve_series(
    start: datetime,
    minutes: int,
    every: Literal["daily", "weekly"],
    *,
    count: int | None = None,
    until: datetime | None = None,
    by_day: Sequence[Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"]] | None = None,
    time_zone: str | None = None,
    **window: Unpack[Window],
) -> Call[models.Series]:
    """Reserve a device for each window of a series, all or none; it ends after `count` (up to 52) or at `until`.

    In `time_zone` (an IANA name, UTC without) it keeps its wall time.
    """
    recurrence = given(freq=every, byDay=by_day, count=count, until=until and instant(until))
    body = {**_booked(start, minutes, window), **given(timeZone=time_zone), "recurrence": recurrence}
    return post("/reservations", data(models.Series), body)


def reservations(
    *, user_id: str | None = None, status: str | None = None, limit: int = PAGE
) -> Call[Page[models.Reservation]]:
    """List reservations, soonest first."""
    return listed("/reservations", models.Reservation, userId=user_id, status=status, limit=limit)


def cancel_reservation(reservation_id: str) -> Call[models.Reservation]:
    """Cancel a reservation while it is pending."""
    return post(f"/reservations/{part(reservation_id)}/cancel", data(models.Reservation))


def waiter(entry_id: str) -> Call[models.Waiter]:
    """Read a place in the queue, with its estimate."""
    return get(f"/queue/{part(entry_id)}", data(models.Waiter))


def waiters(*, user_id: str | None = None, status: str | None = None, limit: int = PAGE) -> Call[Page[models.Waiter]]:
    """List waits, newest first."""
    return listed("/queue", models.Waiter, userId=user_id, status=status, limit=limit)


def leave_queue(entry_id: str) -> Call[models.Waiter]:
    """Wait no more."""
    return post(f"/queue/{part(entry_id)}/cancel", data(models.Waiter))


def usage(
    by: Literal["user", "device", "day"] = "user",
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = PAGE,
) -> Call[Page[fleet.Usage]]:
    """List what was billed, of the last 30 days unless a period is given."""
    period = {"from": start and instant(start), "to": end and instant(end)}
    return listed("/usage", fleet.Usage, groupBy=by, limit=limit, **period)


def quota(user_id: str) -> Call[fleet.Quota]:
    """Read what a user may have, and has."""
    return get(f"/quotas/{part(user_id)}", data(fleet.Quota))


def health() -> Call[fleet.Health]:
    """Ask how the scheduler is."""
    return get("/health", data(fleet.Health))


def devices(
    *, status: str | None = None, life: str | None = None, device_type: str | None = None, limit: int = PAGE
) -> Call[Page[fleet.Device]]:
    """List devices, by id (operators)."""
    return listed("/devices", fleet.Device, status=status, life=life, deviceType=device_type, limit=limit)


def device(device_id: str) -> Call[fleet.Device]:
    """Read one device (operators)."""
    return get(f"/devices/{part(device_id)}", data(fleet.Device))


def add_devices(new: Sequence[fleet.NewDevice]) -> Call[fleet.DeviceIds]:
    """Register up to 100 devices within 16 KB, all or none (operators)."""
    return post("/devices", data(fleet.DeviceIds), {"devices": new})


def dead_letters() -> Call[list[fleet.DeadLetters]]:
    """List how many messages each queue has parked (operators)."""
    return get("/dlqs", data(list[fleet.DeadLetters]))


def redrive(name: str, limit: int = 100) -> Call[fleet.Redrive]:
    """Send up to 500 parked messages back (operators)."""
    return post(f"/dlqs/{part(name)}/redrive", data(fleet.Redrive), {"limit": limit})


def audit() -> Call[fleet.Audit]:
    """Prove each invariant (operators)."""
    return get("/audit", data(fleet.Audit))


def audit_log(
    *, operator: str | None = None, entity: str | None = None, entity_id: str | None = None, limit: int = PAGE
) -> Call[Page[fleet.AuditEntry]]:
    """List what operators changed, newest first (operators)."""
    return listed("/audit-log", fleet.AuditEntry, operator=operator, entity=entity, entityId=entity_id, limit=limit)


def _booked(start: datetime, minutes: int, window: Window) -> dict[str, Any]:
    specs = given(minCpu=window.get("min_cpu"), minMemory=window.get("min_memory_mb"))
    return given(
        startTime=instant(start),
        durationMinutes=minutes,
        userId=window.get("user_id"),
        deviceType=window.get("device_type"),
        preferredSpecs=specs or None,
        remindBeforeMinutes=window.get("remind_before_minutes"),
    )
