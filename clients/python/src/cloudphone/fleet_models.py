"""What the scheduler answers about devices, quotas and itself; form and promises as in `models`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from cloudphone.errors import Time
from cloudphone.models import DeviceStatus, Life, Model


class FreeDevice(Model, frozen=True):
    """A device that could be lent now."""

    id: str
    name: str
    status: str
    cpu_cores: int
    memory_mb: int = field(name="memoryMB")
    storage_mb: int = field(name="storageMB")


class Heartbeat(Model, frozen=True):
    """What a device's host last said of it; shares of one hundred."""

    cpu_usage: float
    memory_usage: float
    storage_usage: float
    observed_at: Time
    age_seconds: int


class BookedWindow(Model, frozen=True):
    """The next reservation of a device."""

    reservation_id: str
    start_time: Time
    end_time: Time


class Device(Model, frozen=True):
    """A device as operators see it."""

    id: str
    name: str
    device_type: str
    status: DeviceStatus
    life: Life
    life_reason: str | None
    life_changed_at: Time | None
    recycling_since: Time | None
    failures_in_row: int
    health_score: int
    heartbeat: Heartbeat | None
    active_allocation_id: str | None
    busy_until: Time | None
    last_allocated_at: Time | None
    next_reservation: BookedWindow | None
    tenant_id: str | None
    cpu_cores: int
    memory_mb: int = field(name="memoryMB")
    storage_mb: int = field(name="storageMB")
    adb_host: str
    adb_port: int
    host: str | None
    model: str | None
    labels: dict[str, Any]
    created_at: Time


class NewDevice(Model, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A device to register."""

    name: str
    device_type: str
    cpu_cores: Annotated[int, Meta(ge=1, le=1024)]
    memory_mb: Annotated[int, Meta(ge=1)] = field(name="memoryMB")
    storage_mb: Annotated[int, Meta(ge=1)] = field(name="storageMB")
    adb_host: str
    adb_port: Annotated[int, Meta(ge=1, le=65535)]
    id: Annotated[str, Meta(pattern="^[A-Za-z0-9._~:@+=-]+$")] | None = None
    status: str = "running"
    host: str | None = None
    model: str | None = None
    tenant_id: str | None = None
    labels: dict[str, Any] | None = None


class DeviceIds(Model, frozen=True):
    """The devices that were registered, in the order of the request."""

    ids: list[str]


class Usage(Model, frozen=True, omit_defaults=True):
    """A line of the bill, of segments of allocations that ended in the period: of a user, a device or a day."""

    tenant_id: str
    allocations: int
    seconds: int
    credited_seconds: int
    billed_seconds: int
    cpu_core_seconds: int
    memory_mb_seconds: int = field(name="memoryMBSeconds")
    user_id: str | None = None
    device_id: str | None = None
    device_name: str | None = None
    day: str | None = None


class Limits(Model, frozen=True):
    """What a quota allows; None: no limit."""

    max_devices: int | None
    max_cpu_cores_per_device: int | None
    max_memory_mb_per_device: int | None = field(name="maxMemoryMBPerDevice")
    max_storage_gb_per_device: float | None = field(name="maxStorageGBPerDevice")
    total_cpu_cores: int | None
    total_memory_gb: float | None = field(name="totalMemoryGB")
    total_storage_gb: float | None = field(name="totalStorageGB")


class QuotaUse(Model, frozen=True):
    """What of a quota is taken."""

    current_devices: int
    used_cpu_cores: int
    used_memory_gb: float = field(name="usedMemoryGB")
    used_storage_gb: float = field(name="usedStorageGB")


class Quota(Model, frozen=True):
    """What a user may have, and has."""

    user_id: str
    tenant_id: str
    plan_name: str
    status: str
    valid_until: Time | None
    limits: Limits
    usage: QuotaUse
    remaining_devices: int | None


class DeadLetters(Model, frozen=True):
    """How many messages a queue has parked, about."""

    name: str
    waiting: int


class Redrive(Model, frozen=True):
    """How many parked messages were sent back, and about how many are left."""

    name: str
    moved: int
    left: int


class Finding(Model, frozen=True):
    """Rows that offend against an invariant."""

    check: str
    count: int
    rows: list[dict[str, Any]]


class Invariant(Model, frozen=True):
    """A promise, and whether it holds."""

    id: str
    statement: str
    holds: bool
    count: int
    findings: list[Finding]
    complete: bool
    checked_from: Time | None


class FullRun(Model, frozen=True):
    """The last audit of all there is."""

    started_at: Time
    ended_at: Time | None
    holds: bool
    findings: list[Finding]


class Audit(Model, frozen=True):
    """Each invariant, proved on live rows or not."""

    holds: bool
    invariants: list[Invariant]
    last_full_run: FullRun | None


class AuditEntry(Model, frozen=True):
    """A row that an operator changed, before and after."""

    id: str
    at: Time
    operator: str
    route: str | None
    correlation_id: str | None
    entity: str
    entity_id: str
    tenant_id: str | None
    act: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Backlog(Model, frozen=True):
    """Events that wait to be published; the oldest for so many seconds, None: none does."""

    unpublished: int
    oldest_seconds: float | None


class Health(Model, frozen=True):
    """How the scheduler and its parts are. `outbox` None: its database does not answer."""

    status: str
    parts: dict[str, str]
    outbox: Backlog | None
    circuits: dict[str, str]
