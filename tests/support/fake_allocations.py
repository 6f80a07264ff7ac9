"""Allocations in memory, for unit tests in milliseconds. Held to the same conformance cases as Postgres."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from scheduler.domain.model import (
    AllocationRequest,
    AllocationStatus,
    DeviceWants,
    EndedAllocation,
    ReleaseRequest,
    RequestKey,
    User,
)
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms


@dataclass
class FakeDevice:
    """A running device of some size."""

    id: str
    cpu_cores: int = 4
    memory_mb: int = 4096
    storage_mb: int = 65536
    device_type: str = "android-14"
    fence: int = 0

    def fits(self, wants: DeviceWants) -> bool:
        """Tell whether it meets the minima."""
        return (
            wants.device_type in {None, self.device_type}
            and self.cpu_cores >= (wants.min_cpu or 0)
            and self.memory_mb >= (wants.min_memory_mb or 0)
            and self.storage_mb >= (wants.min_storage_mb or 0)
        )


@dataclass
class FakeAllocation:
    """An allocation, active or ended."""

    device: FakeDevice
    user: User
    allocated_at: datetime
    expires_at: datetime
    fencing_token: int
    status: AllocationStatus = AllocationStatus.ALLOCATED
    released_at: datetime | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def end(self, status: AllocationStatus, at: datetime) -> EndedAllocation:
        """End it; when its time is over it ends as expired, whatever ends it."""
        self.status = AllocationStatus.EXPIRED if self.expires_at <= at else status
        self.released_at = at
        seconds = int((min(at, self.expires_at) - self.allocated_at).total_seconds())
        return EndedAllocation(self.id, self.device.id, self.user, self.status, seconds)


class FakeAllocations:
    """One thread, one truth: no race to settle."""

    def __init__(self) -> None:
        """Start with no device, at some noon."""
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.devices: list[FakeDevice] = []
        self.allocations: list[FakeAllocation] = []
        self._answers: dict[RequestKey, Facts] = {}

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Lend the first free device that fits, or say why not."""
        if (kept := self._kept(request.key)) is not None:
            return kept
        refusal = self._refusal(request.user, terms)
        free = [] if refusal else [d for d in self.devices if d.fits(request.wants) and not self._holder(d)]
        if free:
            return self._keep(request.key, self._grant(free[0], request, terms))
        if not last_attempt and self._due(request.user if refusal else None):
            return {"outcome": "worth_retrying"}
        if refusal is None:
            return {"outcome": "none_free"}
        left = -1 if terms.limits.devices is None else max(terms.limits.devices - len(self._held(request.user)), 0)
        return self._keep(request.key, {"outcome": "over_quota", "reason": refusal, "remainingDevices": left})

    def reap(self, request: AllocationRequest) -> Sequence[EndedAllocation]:
        """End what stands in the request's way."""
        due = [a for a in self._due(None) if a.user == request.user or a.device.fits(request.wants)]
        return [a.end(AllocationStatus.EXPIRED, self.now) for a in due]

    def release(self, request: ReleaseRequest) -> Facts:
        """End the allocation that the request means."""
        if (kept := self._kept(request.key)) is not None:
            return kept
        meant = [a for a in self.allocations if self._means(request, a)]
        if not meant:
            return self._keep(request.key, {"outcome": "not_found"})
        if meant[-1].status is not AllocationStatus.ALLOCATED:
            return self._keep(request.key, {"outcome": "not_active"})
        if request.fencing_token not in {None, meant[-1].fencing_token}:
            return self._keep(request.key, {"outcome": "stale_fence"})
        ended = meant[-1].end(AllocationStatus.RELEASED, self.now)
        facts = {
            "outcome": str(ended.status),
            "allocationId": ended.id,
            "deviceId": ended.device_id,
            "userId": ended.user.user_id,
            "tenantId": ended.user.tenant_id,
            "durationSeconds": ended.duration_seconds,
        }
        return self._keep(request.key, facts)

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """End what is overdue."""
        return [a.end(AllocationStatus.EXPIRED, self.now) for a in self._due(None)[:limit]]

    def delete_ended(self, retention_days: int, limit: int) -> int:
        """Delete what ended long ago."""
        before = self.now - timedelta(days=retention_days)
        old = [a for a in self.allocations if a.released_at and a.released_at < before][:limit]
        self.allocations = [a for a in self.allocations if a not in old]
        return len(old)

    def _grant(self, device: FakeDevice, request: AllocationRequest, terms: QuotaTerms) -> dict[str, Any]:
        device.fence += 1
        end = self.now + timedelta(minutes=request.minutes)
        allocation = FakeAllocation(device, request.user, self.now, end, device.fence)
        self.allocations.append(allocation)
        limit = terms.limits.devices
        return {
            "outcome": "granted",
            "allocationId": allocation.id,
            "deviceId": device.id,
            "deviceName": device.id,
            "deviceStatus": "running",
            "userId": request.user.user_id,
            "tenantId": request.user.tenant_id,
            "allocatedAt": _wire(self.now),
            "expiresAt": _wire(end),
            "durationMinutes": request.minutes,
            "fencingToken": device.fence,
            "remainingDevices": -1 if limit is None else limit - len(self._held(request.user)),
            "adbHost": "10.0.0.7",
            "adbPort": 5555,
        }

    def _refusal(self, user: User, terms: QuotaTerms) -> str | None:
        held, limit = len(self._held(user)), terms.limits.devices
        if terms.refusal:
            return terms.refusal
        if terms.valid_until and terms.valid_until <= self.now:
            return f"Quota expired at {_wire(terms.valid_until)}"
        return f"Device quota exceeded. Max: {limit}, Current: {held}" if limit is not None and held >= limit else None

    def _means(self, request: ReleaseRequest, allocation: FakeAllocation) -> bool:
        named = request.allocation_id
        return (
            allocation.device.id == request.device_id
            and request.tenant_id in {None, allocation.user.tenant_id}
            and request.user_id in {None, allocation.user.user_id}
            and (allocation.id == named if named else allocation.status is AllocationStatus.ALLOCATED)
        )

    def _holder(self, device: FakeDevice) -> FakeAllocation | None:
        return next((a for a in self._active() if a.device is device), None)

    def _held(self, user: User) -> list[FakeAllocation]:
        return [a for a in self._active() if a.user == user]

    def _due(self, user: User | None) -> list[FakeAllocation]:
        return [a for a in self._active() if a.expires_at <= self.now and user in {None, a.user}]

    def _active(self) -> list[FakeAllocation]:
        return [a for a in self.allocations if a.status is AllocationStatus.ALLOCATED]

    def _kept(self, key: RequestKey | None) -> Facts | None:
        for known, facts in self._answers.items():
            if key and (known.caller, known.route, known.key) == (key.caller, key.route, key.key):
                return facts if known.body_hash == key.body_hash else {"outcome": "key_reused"}
        return None

    def _keep(self, key: RequestKey | None, facts: dict[str, Any]) -> Facts:
        if key:
            self._answers[key] = facts
        return facts


def _wire(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
