"""A device's life: which stretches it has, and which act leads from where to where. One table decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.health import Heartbeat, health_score
from scheduler.domain.model import DeviceStatus
from scheduler.domain.outcome import Facts


class Life(StrEnum):
    """What the scheduler does with a device; `DeviceStatus` is how its host says it is."""

    IN_SERVICE = "in_service"
    DRAINING = "draining"
    QUARANTINED = "quarantined"
    RECYCLING = "recycling"
    DELETED = "deleted"


class Act(StrEnum):
    """What can be done to a device's life."""

    DRAIN = "drain"
    QUARANTINE = "quarantine"
    RESTORE = "restore"
    RECYCLED = "recycled"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an act leads, and from where. From elsewhere it changes nothing, or, when strict, is refused.

    `ends_session`: what runs on the device moves to another one, or ends.
    """

    to: Life
    leaves: frozenset[Life]
    strict: bool = False
    ends_session: bool = False


TRANSITIONS: Mapping[Act, Transition] = {
    Act.DRAIN: Transition(Life.DRAINING, frozenset({Life.IN_SERVICE, Life.RECYCLING})),
    Act.QUARANTINE: Transition(
        Life.QUARANTINED, frozenset({Life.IN_SERVICE, Life.DRAINING, Life.RECYCLING}), ends_session=True
    ),
    Act.RESTORE: Transition(Life.IN_SERVICE, frozenset({Life.DRAINING, Life.QUARANTINED, Life.RECYCLING}), strict=True),
    Act.RECYCLED: Transition(Life.IN_SERVICE, frozenset({Life.RECYCLING})),
    Act.DELETE: Transition(Life.DELETED, frozenset(Life) - {Life.DELETED}, ends_session=True),
}
"""Nothing leaves `deleted`: for every act there is no such device then."""

REASONS: Mapping[Act, str] = {
    Act.DRAIN: "Drained by an operator",
    Act.QUARANTINE: "Quarantined by an operator",
    Act.RESTORE: "Restored by an operator",
    Act.RECYCLED: "Recycled",
    Act.DELETE: "Deleted by an operator",
}
"""What is told of an act when nobody says more."""


@dataclass(frozen=True, slots=True)
class BookedWindow:
    """The next reservation of a device."""

    reservation_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """A device as operators see it."""

    id: str
    name: str
    device_type: str
    status: DeviceStatus
    life: Life
    life_reason: str | None
    life_changed_at: datetime | None
    recycling_since: datetime | None
    failures_in_row: int
    tenant_id: str | None
    cpu_cores: int
    memory_mb: int
    storage_mb: int
    adb_host: str
    adb_port: int
    host: str | None
    model: str | None
    labels: Mapping[str, Any]
    active_allocation_id: str | None
    busy_until: datetime | None
    last_allocated_at: datetime | None
    created_at: datetime
    next_reservation: BookedWindow | None
    heartbeat: Heartbeat | None

    @property
    def health(self) -> int:
        """How well it is, 0 to 100."""
        return health_score(self.heartbeat, self.failures_in_row)


@dataclass(frozen=True, slots=True)
class Glance:
    """A device in a list of the whole fleet: how it is, who has it and until when, and when it is reserved next."""

    id: str
    name: str
    device_type: str
    status: DeviceStatus
    life: Life
    health: int
    cpu_cores: int
    memory_mb: int
    storage_mb: int
    tenant_id: str | None
    next_reserved_at: datetime | None
    allocation_id: str | None
    user_id: str | None
    user_tenant_id: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices are listed, by id. Without a life: all but the deleted ones. `tenant_id`: dedicated to it."""

    status: DeviceStatus | None = None
    life: Life | None = None
    device_type: str | None = None
    tenant_id: str | None = None
    after_id: str | None = None
    limit: int = 50


def device_of(facts: Facts) -> Device:
    """Read a device from its facts."""
    return Device(
        id=facts["id"],
        name=facts["name"],
        device_type=facts["deviceType"],
        status=DeviceStatus(facts["status"]),
        life=Life(facts["life"]),
        life_reason=facts["lifeReason"],
        life_changed_at=_time(facts["lifeChangedAt"]),
        recycling_since=_time(facts["recyclingSince"]),
        failures_in_row=facts["failuresInRow"],
        tenant_id=facts["tenantId"],
        cpu_cores=facts["cpuCores"],
        memory_mb=facts["memoryMB"],
        storage_mb=facts["storageMB"],
        adb_host=facts["adbHost"],
        adb_port=facts["adbPort"],
        host=facts["host"],
        model=facts["model"],
        labels=facts["labels"],
        active_allocation_id=facts["activeAllocationId"],
        busy_until=_time(facts["busyUntil"]),
        last_allocated_at=_time(facts["lastAllocatedAt"]),
        created_at=datetime.fromisoformat(facts["createdAt"]),
        next_reservation=facts["nextReservation"] and _booked(facts["nextReservation"]),
        heartbeat=facts["heartbeat"] and _heartbeat(facts["heartbeat"]),
    )


def _booked(facts: Facts) -> BookedWindow:
    return BookedWindow(
        facts["reservationId"], datetime.fromisoformat(facts["startTime"]), datetime.fromisoformat(facts["endTime"])
    )


def _heartbeat(facts: Facts) -> Heartbeat:
    return Heartbeat(
        cpu_usage=facts["cpuUsage"],
        memory_usage=facts["memoryUsage"],
        storage_usage=facts["storageUsage"],
        observed_at=datetime.fromisoformat(facts["observedAt"]),
        age_seconds=facts["ageSeconds"],
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
