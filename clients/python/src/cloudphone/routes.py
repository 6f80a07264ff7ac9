"""The scheduler's routes as functions that describe a request and how its answer is read. Nothing is sent here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

import msgspec

from cloudphone import fleet_models as fleet
from cloudphone import models
from cloudphone.errors import UnreadableAnswer

T = TypeVar("T")
PAGE = 200
"""Entries asked for at a time: the most that the lists give."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """A part of a list; `next_cursor` None: the last one."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. Each POST has its idempotency key, so that it may be sent again without a second effect."""

    method: str
    path: str
    read: Callable[[int, bytes], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    key: str | None = None


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


def allocate(
    user_id: str, wants: Wants, *, wait: bool, max_wait_minutes: int
) -> Call[models.Allocation | models.Waiter]:
    """Lend a device at once, or with `wait` a place in the queue when none is free."""
    specs = _given(
        minCpu=wants.get("min_cpu"), minMemory=wants.get("min_memory_mb"), minStorage=wants.get("min_storage_mb")
    )
    body = _given(
        userId=user_id,
        durationMinutes=wants.get("minutes"),
        deviceType=wants.get("device_type"),
        preferredSpecs=specs or None,
        metadata=wants.get("metadata"),
        wait=wait or None,
        maxWaitMinutes=max_wait_minutes if wait else None,
    )

    def read(status: int, content: bytes) -> models.Allocation | models.Waiter:
        return _data(models.Waiter)(status, content) if status == 202 else _data(models.Allocation)(status, content)

    return _post("/devices/allocate", read, body)


def release(device_id: str, allocation_id: str | None = None, user_id: str | None = None) -> Call[models.Released]:
    """Give a device back; with `allocation_id` only if it is still lent under that."""
    body = _given(deviceId=device_id, allocationId=allocation_id, userId=user_id)
    return _post("/devices/release", _data(models.Released), body)


def renew(allocation_id: str, minutes: int, reason: str | None = None) -> Call[models.Renewal]:
    """Add minutes to an active allocation."""
    body = _given(additionalMinutes=minutes, reason=reason)
    return _post(f"/allocations/{_part(allocation_id)}/renew", _data(models.Renewal), body)


def renewal(allocation_id: str) -> Call[models.RenewalOutlook]:
    """Ask what a renewal would answer."""
    return _get(f"/allocations/{_part(allocation_id)}/renewal", _data(models.RenewalOutlook))


def allocation(allocation_id: str) -> Call[models.AllocationDetail]:
    """Read one allocation."""
    return _get(f"/allocations/{_part(allocation_id)}", _data(models.AllocationDetail))


def allocations(
    *, user_id: str | None = None, device_id: str | None = None, status: str | None = None, limit: int = PAGE
) -> Call[Page[models.AllocationSummary]]:
    """List allocations, newest first: one's own, for a service its tenant's."""
    return _list(
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
    return _list("/devices/available", fleet.FreeDevice, **asked)


def reserve(
    start: datetime,
    minutes: int,
    *,
    user_id: str | None = None,
    min_cpu: int | None = None,
    min_memory_mb: int | None = None,
    device_type: str | None = None,
) -> Call[models.Reservation]:
    """Reserve a device for one window; `start` is an aware datetime."""
    body = _given(
        startTime=_time(start),
        durationMinutes=minutes,
        userId=user_id,
        deviceType=device_type,
        preferredSpecs=_given(minCpu=min_cpu, minMemory=min_memory_mb) or None,
    )
    return _post("/reservations", _data(models.Reservation), body)


def reservations(
    *, user_id: str | None = None, status: str | None = None, limit: int = PAGE
) -> Call[Page[models.Reservation]]:
    """List reservations, soonest first."""
    return _list("/reservations", models.Reservation, userId=user_id, status=status, limit=limit)


def cancel_reservation(reservation_id: str) -> Call[models.Reservation]:
    """Cancel a reservation while it is pending."""
    return _post(f"/reservations/{_part(reservation_id)}/cancel", _data(models.Reservation))


def waiter(entry_id: str) -> Call[models.Waiter]:
    """Read a place in the queue, with its estimate."""
    return _get(f"/queue/{_part(entry_id)}", _data(models.Waiter))


def waiters(*, user_id: str | None = None, status: str | None = None, limit: int = PAGE) -> Call[Page[models.Waiter]]:
    """List waits, newest first."""
    return _list("/queue", models.Waiter, userId=user_id, status=status, limit=limit)


def leave_queue(entry_id: str) -> Call[models.Waiter]:
    """Wait no more."""
    return _post(f"/queue/{_part(entry_id)}/cancel", _data(models.Waiter))


def usage(
    by: Literal["user", "device", "day"] = "user",
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = PAGE,
) -> Call[Page[fleet.Usage]]:
    """List what was billed, of the last 30 days unless a period is given."""
    period = {"from": start and _time(start), "to": end and _time(end)}
    return _list("/usage", fleet.Usage, groupBy=by, limit=limit, **period)


def quota(user_id: str) -> Call[fleet.Quota]:
    """Read what a user may have, and has."""
    return _get(f"/quotas/{_part(user_id)}", _data(fleet.Quota))


def health() -> Call[fleet.Health]:
    """Ask how the scheduler is."""
    return _get("/health", _data(fleet.Health))


def devices(
    *, status: str | None = None, life: str | None = None, device_type: str | None = None, limit: int = PAGE
) -> Call[Page[fleet.Device]]:
    """List devices, by id (operators)."""
    return _list("/devices", fleet.Device, status=status, life=life, deviceType=device_type, limit=limit)


def device(device_id: str) -> Call[fleet.Device]:
    """Read one device (operators)."""
    return _get(f"/devices/{_part(device_id)}", _data(fleet.Device))


def add_devices(new: Sequence[fleet.NewDevice]) -> Call[fleet.DeviceIds]:
    """Register up to 100 devices within 16 KB, all or none (operators)."""
    return _post("/devices", _data(fleet.DeviceIds), {"devices": new})


def dead_letters() -> Call[list[fleet.DeadLetters]]:
    """List how many messages each queue has parked (operators)."""
    return _get("/dlqs", _data(list[fleet.DeadLetters]))


def redrive(name: str, limit: int = 100) -> Call[fleet.Redrive]:
    """Send up to 500 parked messages back (operators)."""
    return _post(f"/dlqs/{_part(name)}/redrive", _data(fleet.Redrive), {"limit": limit})


def audit() -> Call[fleet.Audit]:
    """Prove each invariant (operators)."""
    return _get("/audit", _data(fleet.Audit))


def audit_log(
    *, operator: str | None = None, entity: str | None = None, entity_id: str | None = None, limit: int = PAGE
) -> Call[Page[fleet.AuditEntry]]:
    """List what operators changed, newest first (operators)."""
    return _list("/audit-log", fleet.AuditEntry, operator=operator, entity=entity, entityId=entity_id, limit=limit)


class _Meta(msgspec.Struct, rename="camel"):
    next_cursor: str | None


def _get(path: str, read: Callable[[int, bytes], T]) -> Call[T]:
    return Call("GET", f"/scheduler{path}", read)


def _post(path: str, read: Callable[[int, bytes], T], body: Any = None) -> Call[T]:
    return Call("POST", f"/scheduler{path}", read, body={} if body is None else body, key=uuid.uuid4().hex)


def _list(path: str, kind: type[T], **query: Any) -> Call[Page[T]]:
    def read(_status: int, content: bytes) -> Page[T]:
        answer = _decoded(content)
        items = _converted(answer.get("data"), list[kind])  # type: ignore[valid-type]
        return Page(items, _converted(answer.get("meta"), _Meta).next_cursor)

    return Call("GET", f"/scheduler{path}", read, query={name: str(v) for name, v in query.items() if v is not None})


def _data(kind: type[T]) -> Callable[[int, bytes], T]:
    return lambda _status, content: _converted(_decoded(content).get("data"), kind)


def _decoded(content: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
        raise UnreadableAnswer(str(problem)) from problem


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        raise UnreadableAnswer(str(problem)) from problem


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _part(text: str) -> str:
    return quote(text, safe="")


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time without its zone says nothing: give an aware datetime")
    return moment.isoformat()
