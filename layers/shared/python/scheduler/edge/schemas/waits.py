"""A wait as its waiter sees it. Allocate shows it too, and so loads nothing else of the queue."""

# ruff: noqa: N815  wire names
from typing import TYPE_CHECKING, Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.model import DeviceWants
from scheduler.domain.queue import EntryStatus
from scheduler.edge.fields import MAX_NESTING, Instant, View, nesting

if TYPE_CHECKING:
    from scheduler.domain.calibration import Estimate
    from scheduler.service.queue import Wait

_WAITING: dict[str, Any] = {
    "id": "7a1f0c52-3d0b-4a7e-9f61-52c0b7f2d913",
    "userId": "alice",
    "tenantId": "acme",
    "status": "waiting",
    "specs": {"deviceType": None, "minCpu": 4, "minMemory": None, "minStorage": None},
    "durationMinutes": 30,
    "tier": "pro",
    "joinedAt": "2026-11-23T17:42:26.290382Z",
    "expiresAt": "2026-11-23T18:27:26.290382Z",
    "endedAt": None,
    "position": 3,
    "aheadCount": 2,
    "estimatedWaitSeconds": {"p50": 240, "p90": 610},
    "allocationId": None,
    "deviceId": None,
    "metadata": None,
}


class WaitBand(View):
    """Seconds until served: half of such waits end within p50, nine of ten within p90."""

    p50: int
    p90: int

    @classmethod
    def of(cls, estimate: "Estimate | None") -> Self | None:
        """View an estimate."""
        return None if estimate is None else cls(p50=estimate.p50, p90=estimate.p90)


class SpecsView(View):
    """Minima asked of the device; null: any."""

    deviceType: str | None
    minCpu: int | None
    minMemory: int | None
    minStorage: int | None

    @classmethod
    def of(cls, wants: DeviceWants) -> Self:
        """View what a waiter wants."""
        return cls(
            deviceType=wants.device_type,
            minCpu=wants.min_cpu,
            minMemory=wants.min_memory_mb,
            minStorage=wants.min_storage_mb,
        )


class QueueEntryView(View):
    """A wait. Place and estimate stand while it lasts; what was lent, when it is fulfilled."""

    EXAMPLES = (_WAITING,)

    id: str
    userId: str
    tenantId: str
    status: EntryStatus
    specs: SpecsView
    durationMinutes: int
    tier: str
    joinedAt: Instant
    expiresAt: Annotated[Instant, Meta(description="Until when it waits at most")]
    endedAt: Instant | None
    position: Annotated[int | None, Meta(description="Place in line, from 1")]
    aheadCount: int | None
    estimatedWaitSeconds: Annotated[WaitBand | None, Meta(description="Null when the wait is over, or cannot be told")]
    allocationId: str | None
    deviceId: str | None
    metadata: Any

    @classmethod
    def of(cls, wait: "Wait") -> Self:
        """View a wait."""
        entry = wait.entry
        return cls(
            id=entry.id,
            userId=entry.user.user_id,
            tenantId=entry.user.tenant_id,
            status=entry.status,
            specs=SpecsView.of(entry.wants),
            durationMinutes=entry.duration_minutes,
            tier=entry.tier,
            joinedAt=entry.joined_at,
            expiresAt=entry.expires_at,
            endedAt=entry.ended_at,
            position=entry.position,
            aheadCount=None if entry.position is None else entry.position - 1,
            estimatedWaitSeconds=WaitBand.of(wait.estimate),
            allocationId=entry.allocation_id,
            deviceId=entry.device_id,
            metadata=None if nesting(entry.metadata) > MAX_NESTING else entry.metadata,
        )
