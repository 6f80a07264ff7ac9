"""Allocate, release and look up allocations."""

# ruff: noqa: N815  wire names
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.model import (
    Allocation,
    AllocationRequest,
    AllocationStatus,
    AllocationTotals,
    DeviceWants,
    EndedAllocation,
    ReleaseRequest,
    RequestKey,
)
from scheduler.edge.fields import (
    MAX_NESTING,
    Id,
    Instant,
    Metadata,
    Minimum,
    Minutes,
    ShortText,
    UuidText,
    View,
    WaitMinutes,
    WireModel,
    nesting,
)
from scheduler.edge.identity import Caller

DEFAULT_WAIT_MINUTES = 30


class PreferredSpecs(WireModel):
    """Minima: a smaller device is never lent."""

    minCpu: Minimum | None = None
    minMemory: Annotated[Minimum | None, Meta(description="MB")] = None
    minStorage: Annotated[Minimum | None, Meta(description="MB")] = None


class AllocateItem(WireModel):
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


class AllocateBody(AllocateItem):
    """Who wants a device, for how long, of what kind; alone, not in a batch."""

    EXAMPLES = (
        {"userId": "alice", "durationMinutes": 30},
        {"userId": "alice", "preferredSpecs": {"minCpu": 4}, "wait": True, "maxWaitMinutes": 45},
    )

    wait: Annotated[bool, Meta(description="Join the queue when no device is free")] = False
    maxWaitMinutes: WaitMinutes = DEFAULT_WAIT_MINUTES


class ReleaseBody(WireModel):
    """Which device to give back; the allocation id and fencing token guard against a late release."""

    EXAMPLES = ({"deviceId": "phone-small-01", "fencingToken": 7},)

    deviceId: Id
    userId: Id | None = None
    allocationId: UuidText | None = None
    fencingToken: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None

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


class EmptyBody(WireModel):
    """An object without members."""


class DeviceRef(View):
    """The device of an allocation."""

    id: str
    name: str
    status: str


class _AllocationFacts(View):
    """What is told of an allocation, with its device's address or without."""

    allocationId: str
    deviceId: str
    device: DeviceRef
    userId: str
    tenantId: str
    status: AllocationStatus
    allocatedAt: Instant
    expiresAt: Instant | None
    releasedAt: Instant | None
    durationMinutes: int
    durationSeconds: int | None
    fencingToken: int
    renewalCount: int
    lastRenewedAt: Instant | None
    metadata: Annotated[Any, Meta(description="What the caller gave; rows that came from outside may hold any JSON")]


class AllocationSummary(_AllocationFacts):
    """An allocation without the device's address."""

    @classmethod
    def of(cls, allocation: Allocation) -> Self:
        """View an allocation."""
        return cls(**_summary(allocation))


class AllocationDetail(_AllocationFacts):
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
        "renewalCount": allocation.renewal_count,
        "lastRenewedAt": allocation.last_renewed_at,
        "metadata": None if nesting(allocation.metadata) > MAX_NESTING else allocation.metadata,
    }


class AllocationView(View):
    """A grant: which device, where it is reached, until when, and the fencing token to show with it."""

    allocationId: str
    deviceId: str
    device: DeviceRef
    userId: str
    tenantId: str
    allocatedAt: Instant
    expiresAt: Instant
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


class ReleaseView(View):
    """What was given back; the seconds are those that are billed."""

    deviceId: str
    durationSeconds: int

    @classmethod
    def of(cls, ended: EndedAllocation) -> Self:
        """View an end."""
        return cls(deviceId=ended.device_id, durationSeconds=ended.duration_seconds)


class TotalsView(View):
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


class ExpiredCount(View, kw_only=True):
    """How many overdue allocations this run ended."""

    success: bool = True
    count: int
    message: str
