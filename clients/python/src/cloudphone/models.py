"""What the scheduler answers, member by member as its OpenAPI document has it (a test compares them).

Times are aware datetimes in UTC; sizes are in MB. Members that a later scheduler adds are passed over, and words that
it adds to an enumeration are `unknown`, so that an old client goes on.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from cloudphone.errors import Time


class Word(str, Enum):
    """One of the words that the scheduler uses for something."""

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, _value: object) -> Any:
        return cls.__members__["UNKNOWN"]


class AllocationStatus(Word):
    """Active while allocated; the others say what ended it."""

    ALLOCATED = "allocated"
    RELEASED = "released"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class WaitStatus(Word):
    """Live while waiting; the others say what ended the wait."""

    WAITING = "waiting"
    FULFILLED = "fulfilled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class ReservationStatus(Word):
    """Pending until its start, executing while its allocation is live; the others say how it ended."""

    PENDING = "pending"
    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class DeviceStatus(Word):
    """How a device is, as its host reports."""

    RUNNING = "running"
    STOPPED = "stopped"
    ERROR = "error"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


class Life(Word):
    """What the scheduler does with a device."""

    IN_SERVICE = "in_service"
    DRAINING = "draining"
    QUARANTINED = "quarantined"
    RECYCLING = "recycling"
    DELETED = "deleted"
    UNKNOWN = "unknown"


class Model(msgspec.Struct, frozen=True, rename="camel"):
    """A part of an answer."""


class DeviceRef(Model, frozen=True):
    """The device of an allocation."""

    id: str
    name: str
    status: str


class Allocation(Model, frozen=True):
    """A grant: the device, where its adb listens, and until when it is lent."""

    allocation_id: str
    device_id: str
    device: DeviceRef
    user_id: str
    tenant_id: str
    allocated_at: Time
    expires_at: Time
    adb_host: str
    adb_port: int
    fencing_token: int


class AllocationSummary(Model, frozen=True):
    """A line of the list of allocations."""

    allocation_id: str
    device_id: str
    device: DeviceRef
    user_id: str
    tenant_id: str
    status: AllocationStatus
    allocated_at: Time
    expires_at: Time | None
    released_at: Time | None
    duration_minutes: int
    duration_seconds: int | None
    fencing_token: int
    renewal_count: int
    last_renewed_at: Time | None
    metadata: Any


class AllocationDetail(AllocationSummary, frozen=True):
    """One allocation, with the device's address while it is active."""

    adb_host: str | None
    adb_port: int | None


class WaitBand(Model, frozen=True):
    """Seconds within which a half, and nine tenths, of such waits end."""

    p50: int
    p90: int


class Specs(Model, frozen=True):
    """What a waiter asked for."""

    device_type: str | None
    min_cpu: int | None
    min_memory: int | None
    min_storage: int | None


class Waiter(Model, frozen=True):
    """A place in the queue, or what became of it."""

    id: str
    user_id: str
    tenant_id: str
    status: WaitStatus
    specs: Specs
    duration_minutes: int
    tier: str
    joined_at: Time
    expires_at: Time
    ended_at: Time | None
    position: int | None
    ahead_count: int | None
    estimated_wait_seconds: WaitBand | None
    allocation_id: str | None
    device_id: str | None
    metadata: Any


class Released(Model, frozen=True):
    """What was given back, and how long it was had."""

    device_id: str
    duration_seconds: int


class Renewal(Model, frozen=True):
    """A later end. `remaining_renewals` -1: no limit."""

    old_expires_at: Time
    new_expires_at: Time
    additional_minutes: int
    renewal_count: int
    remaining_renewals: int
    total_duration_minutes: int


class PastRenewal(Model, frozen=True):
    """A renewal of before."""

    renewed_at: Time
    additional_minutes: int
    old_expires_at: Time
    new_expires_at: Time
    reason: str | None


class RenewalOutlook(Model, frozen=True):
    """Whether a renewal would be granted now, by how much, or from when on. `remaining_renewals` -1: no limit."""

    can_renew: bool
    reason: str | None
    detail: str | None
    remaining_renewals: int
    max_additional_minutes: int
    next_renewal_at: Time | None
    history: list[PastRenewal]


class PreferredSpecs(Model, frozen=True):
    """What a reservation asked for."""

    min_cpu: int | None = None
    min_memory: int | None = None
    min_storage: int | None = None


class Reservation(Model, frozen=True):
    """A device for a future window."""

    reservation_id: str
    user_id: str
    tenant_id: str
    device_id: str
    status: ReservationStatus
    start_time: Time
    end_time: Time
    duration_minutes: int
    device_type: str | None
    preferred_specs: PreferredSpecs
    remind_before_minutes: int
    time_zone: str | None
    series_id: str | None
    allocation_id: str | None
    executed_at: Time | None
    reason: str | None
    metadata: Any
    created_at: Time


class Series(Model, frozen=True):
    """Reservations that were made together, soonest first."""

    series_id: str | None
    reservations: list[Reservation]
