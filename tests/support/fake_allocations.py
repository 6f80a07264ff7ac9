"""Allocations in memory: the model that Postgres is compared with, and the fake of unit tests."""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any

from scheduler.domain.model import (
    AllocationRequest,
    AllocationStatus,
    EndedAllocation,
    ReleaseRequest,
    User,
)
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from tests.support.fake_devices import UNLIMITED, FakeDevice, Kind, Size
from tests.support.fake_keys import FakeKeys


@dataclass
class FakeAllocation:
    """An allocation, active or ended; its size is counted against the quota and stays when the device changes."""

    id: str
    device: FakeDevice
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


@dataclass
class FakeEvent:
    """An event that waits, or was published."""

    type: str
    subject: str
    group_id: str
    data: Mapping[str, Any]
    published_at: datetime | None = None


class FakeAllocations:
    """One thread, one truth: no race to settle."""

    def __init__(self) -> None:
        """Start with no device, at some noon."""
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.devices: list[FakeDevice] = []
        self.allocations: list[FakeAllocation] = []
        self.events: list[FakeEvent] = []
        self.blocked: set[User] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.keys = FakeKeys()
        self.choose: Callable[[list[FakeDevice]], FakeDevice] = itemgetter(0)
        self.new_id: Callable[[], str] = lambda: str(uuid.uuid4())
        self._kinds: set[Kind] = set()

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Lend a free device that fits, or say why not."""
        if (kept := self.keys.kept(request.key, self.now)) is not None:
            return kept
        refusal, most = self.refusal(request.user, terms), self._ceiling(request.user, terms)
        tenant = request.user.tenant_id
        free = [d for d in self.devices if self.is_free(d) and d.kind.fits(tenant, request.wants, most)]
        if refusal is None and free:
            return self.keys.keep(request.key, self.now, self._grant(self.choose(free), request, terms))
        refusal = refusal or self._too_big(request, most)
        if not last_attempt and self._due(request.user if refusal else None):
            return self.keys.forget(request.key, {"outcome": "worth_retrying"})
        answer = self._refuse(request.user, terms, refusal)
        return self.keys.keep(request.key, self.now, answer) if refusal else self.keys.forget(request.key, answer)

    def reap(self, request: AllocationRequest) -> Sequence[EndedAllocation]:
        """End what stands in the request's way."""
        tenant = request.user.tenant_id
        due = [a for a in self._due(None) if a.user == request.user or a.device.kind.fits(tenant, request.wants)]
        return self._end_all(due)

    def release(self, request: ReleaseRequest) -> Facts:
        """End the allocation that the request means."""
        if (kept := self.keys.kept(request.key, self.now)) is not None:
            return kept
        return self.keys.keep(request.key, self.now, self._release(request))

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """End what is overdue."""
        return self._end_all(self._due(None)[:limit])

    def delete_ended(self, retention_days: int, limit: int) -> int:
        """Delete what ended long ago."""
        before = self.now - timedelta(days=retention_days)
        old = [a for a in self.allocations if a.released_at and a.released_at < before][:limit]
        self.allocations = [a for a in self.allocations if a not in old]
        return len(old)

    def is_free(self, device: FakeDevice) -> bool:
        """Tell whether it may be lent now."""
        return device.status == "running" and all(a.device is not device for a in self.active)

    @property
    def active(self) -> list[FakeAllocation]:
        """What is lent, overdue ones included."""
        return [a for a in self.allocations if a.status is AllocationStatus.ALLOCATED]

    def usage(self, user: User) -> tuple[int, int, int, int]:
        """Sum what a user holds: devices, cores, megabytes of memory and of storage."""
        held = [a.size for a in self.active if a.user == user]
        cpu_cores, memory_mb, storage_mb = (
            sum(part or 0 for part in parts) for parts in zip(*held, (0, 0, 0), strict=True)
        )
        return len(held), cpu_cores, memory_mb, storage_mb

    def note_kinds(self) -> None:
        """Remember the kinds of devices there have been."""
        self._kinds |= {device.kind for device in self.devices}

    def _grant(self, device: FakeDevice, request: AllocationRequest, terms: QuotaTerms) -> Facts:
        device.fence += 1
        end = self.now + timedelta(minutes=request.minutes)
        allocation = FakeAllocation(
            self.new_id(), device, request.user, self.now, end, request.minutes, device.fence, device.size
        )
        self.allocations.append(allocation)
        facts = allocation.names | {
            "allocatedAt": wire(self.now),
            "expiresAt": wire(end),
            "durationMinutes": request.minutes,
            "fencingToken": device.fence,
            "remainingDevices": self._remaining(request.user, terms),
        }
        self.tell("device.allocated", device.id, device.id, facts | {"quotaUsed": allocation.share})
        self.counts[request.user.tenant_id, "granted"] += 1
        address = {"adbHost": device.adb_host, "adbPort": device.adb_port}
        return facts | address | {"outcome": "granted", "deviceName": device.name, "deviceStatus": device.status}

    def _refuse(self, user: User, terms: QuotaTerms, refusal: str | None) -> Facts:
        kind = "quota_exceeded" if refusal else "failed"
        told = {"userId": user.user_id, "tenantId": user.tenant_id, "timestamp": wire(self.now)}
        reason = {"reason": refusal or "no_available_devices"}
        self.tell(f"scheduler.allocation.{kind}", user.user_id, f"{user.tenant_id}|{user.user_id}", told | reason)
        if refusal is None:
            return {"outcome": "none_free"}
        return {"outcome": "over_quota", "reason": refusal, "remainingDevices": self._remaining(user, terms)}

    def _release(self, request: ReleaseRequest) -> Facts:
        meant = [a for a in self.allocations if _means(request, a)]
        if not meant:
            return {"outcome": "not_found"}
        if meant[-1].status is not AllocationStatus.ALLOCATED:
            return {"outcome": "not_active"}
        if request.fencing_token not in {None, meant[-1].fencing_token}:
            return {"outcome": "stale_fence"}
        ended = self._end(meant[-1], AllocationStatus.RELEASED)
        return meant[-1].names | {"outcome": str(ended.status), "durationSeconds": ended.duration_seconds}

    def _end_all(self, due: list[FakeAllocation]) -> Sequence[EndedAllocation]:
        return [self._end(a, AllocationStatus.EXPIRED) for a in sorted(due, key=attrgetter("id"))]

    def _end(self, allocation: FakeAllocation, status: AllocationStatus) -> EndedAllocation:
        """End it; when its time is over it ends as expired, whatever ends it."""
        status = AllocationStatus.EXPIRED if allocation.expires_at <= self.now else status
        seconds = int((min(self.now, allocation.expires_at) - allocation.allocated_at).total_seconds())
        allocation.status, allocation.released_at, allocation.duration_seconds = status, self.now, seconds
        device_id, by_holder = allocation.device.id, status is AllocationStatus.RELEASED
        data = allocation.names | {
            "allocatedAt": wire(allocation.allocated_at),
            f"{status}At": wire(self.now),
            "durationSeconds": seconds,
            "quotaRestored": allocation.share,
        }
        kind = "device.released" if by_holder else f"scheduler.allocation.{status}"
        self.tell(kind, device_id if by_holder else allocation.id, device_id, data)
        self.counts[allocation.user.tenant_id, str(status)] += 1
        return EndedAllocation(allocation.id, device_id, allocation.user, status, seconds)

    def tell(self, kind: str, subject: str, group_id: str, data: Mapping[str, Any]) -> None:
        """Write an event."""
        self.events.append(FakeEvent(kind, subject, group_id, data))

    def tell_device(self, device: FakeDevice, what: str, reason: str) -> None:
        """Write the event of a change in a device's life."""
        data = {"deviceId": device.id, "tenantId": device.tenant_id, "reason": reason, f"{what}At": wire(self.now)}
        self.tell(f"scheduler.device.{what}", device.id, device.id, data)

    def refusal(self, user: User, terms: QuotaTerms) -> str | None:
        """Say why the quota forbids one more device."""
        if terms.refusal:
            return terms.refusal
        if terms.valid_until and terms.valid_until <= self.now:
            return f"Quota expired at {wire(terms.valid_until)}"
        if user in self.blocked:
            return "User is suspended"
        limits = terms.limits
        checked = (
            ("Device", limits.devices, ""),
            ("CPU", limits.cpu_cores, " cores"),
            ("Memory", limits.memory_mb, " MB"),
            ("Storage", limits.storage_mb, " MB"),
        )
        for (name, limit, unit), held in zip(checked, self.usage(user), strict=True):
            if limit is not None and held >= limit:
                return f"{name} quota exceeded. Max: {limit}{unit}, Current: {held}"
        return None

    def _ceiling(self, user: User, terms: QuotaTerms) -> Size:
        limits, (_, cpu_cores, memory_mb, storage_mb) = terms.limits, self.usage(user)
        return Size(
            _least(limits.device_cpu_cores, limits.cpu_cores, cpu_cores),
            _least(limits.device_memory_mb, limits.memory_mb, memory_mb),
            _least(limits.device_storage_mb, limits.storage_mb, storage_mb),
        )

    def _too_big(self, request: AllocationRequest, most: Size) -> str | None:
        self.note_kinds()
        tenant = request.user.tenant_id
        fitting = [kind for kind in self._kinds if kind.fits(tenant, request.wants)]
        if most == UNLIMITED or not fitting or any(kind.fits(tenant, request.wants, most) for kind in fitting):
            return None
        named = zip(most, ("cores", "MB memory", "MB storage"), strict=True)
        left = ", ".join(f"{limit} {unit}" for limit, unit in named if limit is not None)
        return f"Quota exceeded. No device that fits the request is within what the quota leaves: {left}"

    def _remaining(self, user: User, terms: QuotaTerms) -> int:
        limit = terms.limits.devices
        return -1 if limit is None else max(limit - self.usage(user)[0], 0)

    def _due(self, user: User | None) -> list[FakeAllocation]:
        return [a for a in self.active if a.expires_at <= self.now and user in {None, a.user}]


def _means(request: ReleaseRequest, allocation: FakeAllocation) -> bool:
    named = request.allocation_id
    return (
        allocation.device.id == request.device_id
        and request.tenant_id in {None, allocation.user.tenant_id}
        and request.user_id in {None, allocation.user.user_id}
        and (allocation.id == named if named else allocation.status is AllocationStatus.ALLOCATED)
    )


def _least(of_one: int | None, of_all: int | None, held: int) -> int | None:
    return min((n for n in (of_one, None if of_all is None else of_all - held) if n is not None), default=None)


def wire(at: datetime) -> str:
    """Write a time as events and answers have it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
