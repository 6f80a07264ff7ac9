"""The fleet as operators see it: devices with health and life."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.device_life import BookedWindow, Device, Glance, Life
from scheduler.domain.health import Heartbeat
from scheduler.domain.model import DeviceStatus
from scheduler.edge.fields import Instant, Reason, View, WireModel

_DEVICE: dict[str, Any] = {
    "id": "phone-77",
    "name": "Phone 77",
    "deviceType": "android-14",
    "status": "running",
    "life": "in_service",
    "lifeReason": None,
    "lifeChangedAt": None,
    "recyclingSince": None,
    "failuresInRow": 0,
    "healthScore": 100,
    "heartbeat": {
        "cpuUsage": 12.5,
        "memoryUsage": 40,
        "storageUsage": 55,
        "observedAt": "2026-11-23T17:42:06.290382Z",
        "ageSeconds": 20,
    },
    "activeAllocationId": "45498d1d-8433-43e8-9fab-e0212fd09f02",
    "busyUntil": "2026-11-23T18:12:26.290382Z",
    "lastAllocatedAt": "2026-11-23T17:42:26.290382Z",
    "nextReservation": {
        "reservationId": "7a1f0c52-3d0b-4a7e-9f61-52c0b7f2d913",
        "startTime": "2026-11-24T09:00:00Z",
        "endTime": "2026-11-24T10:00:00Z",
    },
    "tenantId": None,
    "cpuCores": 4,
    "memoryMB": 8192,
    "storageMB": 131072,
    "adbHost": "10.0.0.77",
    "adbPort": 5555,
    "host": "rack-7",
    "model": "Pixel 9",
    "labels": {"rack": "7"},
    "createdAt": "2026-11-01T08:00:00Z",
}


class HeartbeatView(View):
    """What the device reported last: percent in use, when, and how long ago."""

    cpuUsage: float
    memoryUsage: float
    storageUsage: float
    observedAt: Instant
    ageSeconds: int

    @classmethod
    def of(cls, beat: Heartbeat) -> Self:
        """View a heartbeat."""
        return cls(
            cpuUsage=beat.cpu_usage,
            memoryUsage=beat.memory_usage,
            storageUsage=beat.storage_usage,
            observedAt=beat.observed_at,
            ageSeconds=int(beat.age_seconds),
        )


class BookedWindowView(View):
    """The reservation that comes next on a device."""

    reservationId: str
    startTime: Instant
    endTime: Instant

    @classmethod
    def of(cls, booked: BookedWindow) -> Self:
        """View a window."""
        return cls(reservationId=booked.reservation_id, startTime=booked.starts_at, endTime=booked.ends_at)


class DeviceView(View):
    """A device: what it is, what the scheduler does with it, and how well it is."""

    EXAMPLES = (_DEVICE,)

    id: str
    name: str
    deviceType: str
    status: Annotated[DeviceStatus, Meta(description="As its host says")]
    life: Annotated[Life, Meta(description="What the scheduler does with it")]
    lifeReason: Annotated[str | None, Meta(description="Why it is not in service")]
    lifeChangedAt: Instant | None
    recyclingSince: Instant | None
    failuresInRow: Annotated[
        int, Meta(description="Allocations that it failed one after the other; the third quarantines it")
    ]
    healthScore: Annotated[
        int, Meta(description="0 to 100: fresh heartbeats, room to work, sessions that did not fail")
    ]
    heartbeat: Annotated[HeartbeatView | None, Meta(description="null: it never sent one")]
    activeAllocationId: str | None
    busyUntil: Instant | None
    lastAllocatedAt: Instant | None
    nextReservation: BookedWindowView | None
    tenantId: Annotated[str | None, Meta(description="The tenant that it is dedicated to; null: it serves all")]
    cpuCores: int
    memoryMB: int
    storageMB: int
    adbHost: str
    adbPort: int
    host: str | None
    model: str | None
    labels: dict[str, Any]
    createdAt: Instant

    @classmethod
    def of(cls, device: Device) -> Self:
        """View a device."""
        return cls(
            id=device.id,
            name=device.name,
            deviceType=device.device_type,
            status=device.status,
            life=device.life,
            lifeReason=device.life_reason,
            lifeChangedAt=device.life_changed_at,
            recyclingSince=device.recycling_since,
            failuresInRow=device.failures_in_row,
            healthScore=device.health,
            heartbeat=HeartbeatView.of(device.heartbeat) if device.heartbeat else None,
            activeAllocationId=device.active_allocation_id,
            busyUntil=device.busy_until,
            lastAllocatedAt=device.last_allocated_at,
            nextReservation=BookedWindowView.of(device.next_reservation) if device.next_reservation else None,
            tenantId=device.tenant_id,
            cpuCores=device.cpu_cores,
            memoryMB=device.memory_mb,
            storageMB=device.storage_mb,
            adbHost=device.adb_host,
            adbPort=device.adb_port,
            host=device.host,
            model=device.model,
            labels=dict(device.labels),
            createdAt=device.created_at,
        )


class GlanceView(View):
    """A device in the list of the whole fleet."""

    EXAMPLES = (
        {name: _DEVICE[name] for name in ("id", "name", "deviceType", "status", "life", "healthScore", "cpuCores")}
        | {name: _DEVICE[name] for name in ("memoryMB", "storageMB", "tenantId")}
        | {
            "nextReservedAt": "2026-11-24T09:00:00Z",
            "allocationId": _DEVICE["activeAllocationId"],
            "userId": "alice",
            "userTenantId": "acme",
            "expiresAt": _DEVICE["busyUntil"],
        },
    )

    id: str
    name: str
    deviceType: str
    status: Annotated[DeviceStatus, Meta(description="As its host says")]
    life: Annotated[Life, Meta(description="What the scheduler does with it")]
    healthScore: int
    cpuCores: int
    memoryMB: int
    storageMB: int
    tenantId: Annotated[str | None, Meta(description="The tenant that it is dedicated to; null: it serves all")]
    nextReservedAt: Instant | None
    allocationId: str | None
    userId: Annotated[str | None, Meta(description="Who has it; null: nobody")]
    userTenantId: str | None
    expiresAt: Instant | None

    @classmethod
    def of(cls, device: Glance) -> Self:
        """View a device at a glance."""
        return cls(
            id=device.id,
            name=device.name,
            deviceType=device.device_type,
            status=device.status,
            life=device.life,
            healthScore=device.health,
            cpuCores=device.cpu_cores,
            memoryMB=device.memory_mb,
            storageMB=device.storage_mb,
            tenantId=device.tenant_id,
            nextReservedAt=device.next_reserved_at,
            allocationId=device.allocation_id,
            userId=device.user_id,
            userTenantId=device.user_tenant_id,
            expiresAt=device.expires_at,
        )


class QuarantineBody(WireModel):
    """Why a device is taken out of service."""

    EXAMPLES = ({"reason": "The screen flickers"},)

    reason: Reason | None = None
