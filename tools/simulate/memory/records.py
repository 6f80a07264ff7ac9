"""What the stores in memory keep of allocations and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from scheduler.domain.model import AllocationStatus, User
from tools.simulate.memory.fleet import MemoryDevice, Size

SECOND = timedelta(seconds=1)


@dataclass(slots=True, eq=False)
class MemoryAllocation:
    """An allocation, active or ended; its size is counted against the quota and stays when the device changes."""

    id: str
    device: MemoryDevice
    user: User
    allocated_at: datetime
    expires_at: datetime
    minutes: int
    fencing_token: int
    size: Size
    status: AllocationStatus = AllocationStatus.ALLOCATED
    released_at: datetime | None = None
    duration_seconds: int | None = None
    last_renewed_at: datetime | None = None
    renewals: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def renewed_minutes(self) -> int:
        """What its renewals added."""
        return sum(renewal["additionalMinutes"] for renewal in self.renewals)

    @property
    def names(self) -> dict[str, Any]:
        """Which it is, as events and answers have it."""
        return {
            "allocationId": self.id,
            "deviceId": self.device.id,
            "userId": self.user.user_id,
            "tenantId": self.user.tenant_id,
        }

    @property
    def share(self) -> dict[str, Any]:
        """What it takes of the quota, as events have it."""
        cpu_cores, memory_mb, storage_mb = self.size
        return {"devices": 1, "cpuCores": cpu_cores, "memoryMB": memory_mb, "storageMB": storage_mb}


@dataclass(slots=True, eq=False)
class MemoryEvent:
    """An event that waits, or was published."""

    type: str
    subject: str
    group_id: str
    data: Mapping[str, Any]
    published_at: datetime | None = None


def wire(at: datetime) -> str:
    """Write a time as events and answers have it."""
    text = at.isoformat(timespec="microseconds")
    return f"{text[:26]}Z"
