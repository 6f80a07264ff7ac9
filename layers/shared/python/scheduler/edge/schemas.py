"""Bodies and views: what goes over the wire, in its names (camelCase), and how it becomes the domain's."""

# ruff: noqa: N815  wire names
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from scheduler.domain.model import (
    Allocation,
    AllocationRequest,
    AllocationStatus,
    AllocationTotals,
    DeviceStatus,
    DeviceWants,
    EndedAllocation,
    FreeDevice,
    ReleaseRequest,
    RequestKey,
)
from scheduler.edge.fields import (
    MAX_INT,
    Cores,
    Id,
    Megabytes,
    Metadata,
    Minutes,
    Port,
    ShortText,
    UuidText,
    WireModel,
)
from scheduler.edge.identity import Caller


class PreferredSpecs(WireModel):
    """Minima: a smaller device is never lent."""

    minCpu: Annotated[int, Field(ge=0, le=MAX_INT)] | None = None
    minMemory: Annotated[int, Field(ge=0, le=MAX_INT, description="MB")] | None = None
    minStorage: Annotated[int, Field(ge=0, le=MAX_INT, description="MB")] | None = None


class AllocateBody(WireModel):
    """Who wants a device, for how long, of what kind."""

    userId: Id
    tenantId: Id | None = None
    durationMinutes: Minutes = 60
    preferredSpecs: PreferredSpecs | None = None
    deviceType: ShortText | None = None
    metadata: Metadata | None = None

    def to_request(self, who: Caller, key: RequestKey | None) -> AllocationRequest:
        """Read it as the caller's wish.

        Raises:
            Forbidden: It names a user or tenant that the caller may not act for.
        """
        specs = self.preferredSpecs or PreferredSpecs()
        return AllocationRequest(
            user=who.acting_for(self.userId, self.tenantId),
            minutes=self.durationMinutes,
            wants=DeviceWants(self.deviceType, specs.minCpu, specs.minMemory, specs.minStorage),
            metadata=self.metadata,
            key=key,
        )


class ReleaseBody(WireModel):
    """Which device to give back; the allocation id and fencing token guard against a late release."""

    deviceId: Id
    userId: Id | None = None
    allocationId: UuidText | None = None
    fencingToken: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None

    def to_request(self, who: Caller, key: RequestKey | None) -> ReleaseRequest:
        """Read it as the caller's wish.

        Raises:
            Forbidden: A user names another user.
        """
        if self.userId is not None:
            who.acting_for(self.userId, None)
        return ReleaseRequest(
            tenant_id=who.seen_tenant,
            user_id=self.userId or who.seen_user,
            device_id=self.deviceId,
            allocation_id=self.allocationId,
            fencing_token=self.fencingToken,
            key=key,
        )


class DeviceRef(BaseModel):
    """The device of an allocation."""

    id: str
    name: str
    status: str


class AllocationSummary(BaseModel):
    """An allocation without the device's address."""

    allocationId: str
    deviceId: str
    device: DeviceRef
    userId: str
    tenantId: str
    status: AllocationStatus
    allocatedAt: datetime
    expiresAt: datetime | None
    releasedAt: datetime | None
    durationMinutes: int
    durationSeconds: int | None
    fencingToken: int
    metadata: dict[str, Any] | None

    @classmethod
    def of(cls, allocation: Allocation) -> Self:
        """View an allocation."""
        return cls(**_summary(allocation))


class AllocationDetail(AllocationSummary):
    """An allocation as its holder sees it: with the device's address while it is active."""

    adbHost: str | None
    adbPort: int | None

    @classmethod
    def of(cls, allocation: Allocation) -> Self:
        """View an allocation."""
        return cls(**_summary(allocation), adbHost=allocation.adb_host, adbPort=allocation.adb_port)


def _summary(allocation: Allocation) -> dict[str, Any]:
    return {
        "allocationId": allocation.id,
        "deviceId": allocation.device_id,
        "device": DeviceRef(id=allocation.device_id, name=allocation.device_name, status=allocation.device_status),
        "userId": allocation.user.user_id,
        "tenantId": allocation.user.tenant_id,
        "status": allocation.status,
        "allocatedAt": allocation.allocated_at,
        "expiresAt": allocation.expires_at,
        "releasedAt": allocation.released_at,
        "durationMinutes": allocation.duration_minutes,
        "durationSeconds": allocation.duration_seconds,
        "fencingToken": allocation.fencing_token,
        "metadata": allocation.metadata,
    }


class AllocationView(BaseModel):
    """A grant: which device, where it is reached, until when, and the fencing token to show with it."""

    allocationId: str
    deviceId: str
    device: DeviceRef
    userId: str
    tenantId: str
    allocatedAt: datetime
    expiresAt: datetime
    adbHost: str
    adbPort: int
    fencingToken: int

    @classmethod
    def of(cls, allocation: Allocation) -> Self:
        """View a fresh grant."""
        if allocation.expires_at is None or allocation.adb_host is None or allocation.adb_port is None:
            raise ValueError("a grant has an end and an address")
        return cls(
            allocationId=allocation.id,
            deviceId=allocation.device_id,
            device=DeviceRef(id=allocation.device_id, name=allocation.device_name, status=allocation.device_status),
            userId=allocation.user.user_id,
            tenantId=allocation.user.tenant_id,
            allocatedAt=allocation.allocated_at,
            expiresAt=allocation.expires_at,
            adbHost=allocation.adb_host,
            adbPort=allocation.adb_port,
            fencingToken=allocation.fencing_token,
        )


class ReleaseView(BaseModel):
    """What was given back; the seconds are those that are billed."""

    deviceId: str
    durationSeconds: int

    @classmethod
    def of(cls, ended: EndedAllocation) -> Self:
        """View an end."""
        return cls(deviceId=ended.device_id, durationSeconds=ended.duration_seconds)


class FreeDeviceView(BaseModel):
    """A device that may be lent now."""

    id: str
    name: str
    status: str
    cpuCores: int
    memoryMB: int
    storageMB: int

    @classmethod
    def of(cls, device: FreeDevice) -> Self:
        """View a free device."""
        return cls(
            id=device.id,
            name=device.name,
            status=device.status,
            cpuCores=device.cpu_cores,
            memoryMB=device.memory_mb,
            storageMB=device.storage_mb,
        )


class TotalsView(BaseModel):
    """Running totals; utilisation is the share of running devices that is allocated, 0 to 1."""

    totalAllocations: int
    activeAllocations: int
    releasedAllocations: int
    expiredAllocations: int
    revokedAllocations: int
    strategy: str
    utilisation: float

    @classmethod
    def of(cls, totals: AllocationTotals) -> Self:
        """View totals."""
        return cls(
            totalAllocations=totals.granted,
            activeAllocations=totals.active,
            releasedAllocations=totals.released,
            expiredAllocations=totals.expired,
            revokedAllocations=totals.revoked,
            strategy=totals.strategy,
            utilisation=totals.utilisation,
        )


def _left_out() -> Any:
    """Make a field that may be left out, but not be null."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


class DeviceChanges(WireModel):
    """Fields of a device to change; those left out stay. Null clears host, model and tenantId."""

    name: Id = _left_out()
    deviceType: ShortText = _left_out()
    status: Annotated[DeviceStatus, Field(strict=False)] = _left_out()
    cpuCores: Cores = _left_out()
    memoryMB: Megabytes = _left_out()
    storageMB: Megabytes = _left_out()
    adbHost: Id = _left_out()
    adbPort: Port = _left_out()
    host: Id | None = None
    model: Id | None = None
    tenantId: Id | None = None
    labels: Metadata = _left_out()

    def to_changes(self) -> dict[str, Any]:
        """Give the named fields by column."""
        return _columns(self.model_dump(include=self.model_fields_set))


class DeviceBody(WireModel):
    """A new device; without an id it gets one, without a tenant it serves all."""

    id: Id | None = None
    name: Id
    deviceType: ShortText
    status: Annotated[DeviceStatus, Field(strict=False)] = DeviceStatus.RUNNING
    cpuCores: Cores
    memoryMB: Megabytes
    storageMB: Megabytes
    adbHost: Id
    adbPort: Port
    host: Id | None = None
    model: Id | None = None
    tenantId: Id | None = None
    labels: Metadata | None = None

    def to_columns(self) -> dict[str, Any]:
        """Give the fields by column; an id that is missing stays out."""
        return _columns({name: value for name, value in self.model_dump().items() if name != "id" or value is not None})


class DevicesBody(WireModel):
    """Many new devices; added all or none."""

    devices: Annotated[list[DeviceBody], Field(min_length=1, max_length=100)]


_DEVICE_COLUMNS = {
    "deviceType": "device_type",
    "cpuCores": "cpu_cores",
    "memoryMB": "memory_mb",
    "storageMB": "storage_mb",
    "adbHost": "adb_host",
    "adbPort": "adb_port",
    "tenantId": "tenant_id",
}


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {_DEVICE_COLUMNS.get(name, name): value for name, value in fields.items()}


class DeviceIdsView(BaseModel):
    """Ids of the devices that were added, in the order given."""

    ids: list[str]


class DeviceIdView(BaseModel):
    """Id of the device that was changed."""

    id: str


class HealthView(BaseModel):
    """How the scheduler is: ok, degraded or down; and each part: up or down."""

    status: str
    parts: dict[str, str]


class ExpiredCount(BaseModel):
    """How many overdue allocations this run ended."""

    success: bool = True
    count: int
    message: str


class Problem(BaseModel):
    """A refusal or failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    success: bool
    code: str
    retryable: bool
    errors: list[dict[str, str]] | None = None
    alternatives: list[dict[str, Any]] | None = None
    remainingDevices: int | None = None
