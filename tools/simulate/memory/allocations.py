"""Allocations in memory: the model of Postgres, the fake of unit tests, the simulator's store."""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

from scheduler.domain.model import AllocationRequest, AllocationStatus, EndedAllocation, ReleaseRequest, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from tools.simulate.memory.booked import Booked
from tools.simulate.memory.fleet import Fleet, MemoryDevice, Size, Wish
from tools.simulate.memory.keys import MemoryKeys
from tools.simulate.memory.quotas import Usage, ceiling_of, refusal_of, too_big
from tools.simulate.memory.records import SECOND, MemoryAllocation, MemoryEvent, wire
from tools.simulate.memory.waiters import Waiters

MOST_REAPED = 10
"""Of either kind, by one request."""


class MemoryAllocations:
    """One thread, one truth: no race to settle. What has ended is remembered, or forgotten to save room."""

    def __init__(self, *, remembers: bool = True) -> None:
        """Start with no device, at some noon."""
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.fleet = Fleet()
        self.events: list[MemoryEvent] = []
        self.blocked: set[User] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.keys = MemoryKeys()
        self.waiters = Waiters(self)
        self.booked = Booked(self.fleet, remembers=remembers)
        self.new_id: Callable[[], str] = lambda: str(uuid.uuid4())
        self.by_id: dict[str, MemoryAllocation] = {}
        self._held: dict[User, dict[str, MemoryAllocation]] = {}
        self._due: list[tuple[datetime, str]] = []
        self.remembers = remembers

    def add(self, device: MemoryDevice) -> None:
        """Add a device to the fleet."""
        self.fleet.add(device)

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Lend the best free device that fits, or say why not."""
        if (kept := self.keys.kept(request.key, self.now)) is not None:
            return kept
        user, most = request.user, self.ceiling(request.user, terms)
        wish = self.fleet.wish(user.tenant_id, request.wants)
        refusal = self.refusal(user, terms)
        device = None if refusal else self.choose(user, wish, most, self.now + timedelta(minutes=request.minutes))
        if device:
            granted = self.grant(device, user, request.minutes, terms)
            return self.keys.keep(request.key, self.now, granted)
        refusal = refusal or too_big(wish, most)
        if not last_attempt and self.worth_retrying(user, wish, most, refusal):
            return self.keys.forget(request.key, {"outcome": "worth_retrying"})
        if request.waits and not refusal:
            return self.keys.forget(request.key, {"outcome": "none_free"})
        answer = self.refuse(user, terms, refusal)
        return self.keys.keep(request.key, self.now, answer) if refusal else self.keys.forget(request.key, answer)

    def choose(self, user: User, wish: Wish, most: Size, until: datetime) -> MemoryDevice | None:
        """Give the best head of the classes that fit, the smallest among equals; none that others wait for."""
        if self.fleet.prefer:
            minutes = (until - self.now) // timedelta(minutes=1)
            return self.fleet.preferred(user, minutes, self._heads(user, wish, most, until))
        within = (spec for spec in wish.classes if spec.kind.is_within(most))
        return self.fleet.best(within, until, lambda head: not self._is_awaited(head, user))

    def _is_awaited(self, head: MemoryDevice, user: User) -> bool:
        return head.spec is not None and self.waiters.await_class(head.spec, head.next_reserved_at, without=user)

    def _heads(self, user: User, wish: Wish, most: Size, until: datetime) -> list[MemoryDevice]:
        heads = list[MemoryDevice]()
        for spec in wish.classes:
            if spec.kind.is_within(most) and (of_class := self.fleet.heads(spec, until)):
                heads += [] if self._is_awaited(of_class[0], user) else of_class
        return heads

    def reap(self, request: AllocationRequest) -> Sequence[EndedAllocation]:
        """End what stands in the request's way: ten of the user's own, ten on devices that would serve her."""
        wish, user = self.fleet.wish(request.user.tenant_id, request.wants), request.user
        due = sorted(self._overdue(), key=attrgetter("expires_at"))
        own = [a for a in due if a.user == user][:MOST_REAPED]
        others = [a for a in due if a.user != user and a.device.spec in wish.classes][:MOST_REAPED]
        return self.end_all(own + others)

    def release(self, request: ReleaseRequest) -> Facts:
        """End the allocation that the request means."""
        if (kept := self.keys.kept(request.key, self.now)) is not None:
            return kept
        return self.keys.keep(request.key, self.now, self._release(request))

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """End what is overdue, the longest first."""
        due: list[MemoryAllocation] = []
        while len(due) < limit and (allocation := self._first_due()):
            heappop(self._due)
            due.append(allocation)
        return self.end_all(due)

    def end_all(
        self, due: Sequence[MemoryAllocation], status: AllocationStatus = AllocationStatus.EXPIRED
    ) -> Sequence[EndedAllocation]:
        """End some, in the order of their ids."""
        return [self._end(allocation, status) for allocation in sorted(due, key=attrgetter("id"))]

    def delete_ended(self, retention_days: int, limit: int) -> int:
        """Delete what ended long ago."""
        before = self.now - timedelta(days=retention_days)
        old = [a for a in self.allocations if a.released_at and a.released_at < before][:limit]
        for allocation in old:
            del self.by_id[allocation.id]
        return len(old)

    @property
    def devices(self) -> Collection[MemoryDevice]:
        """The fleet, in the order of registration."""
        return self.fleet.devices.values()

    @property
    def allocations(self) -> list[MemoryAllocation]:
        """What was lent, in the order of granting."""
        return list(self.by_id.values())

    @property
    def active(self) -> list[MemoryAllocation]:
        """What is lent, overdue ones included."""
        return [a for a in self.by_id.values() if a.status is AllocationStatus.ALLOCATED]

    def usage(self, user: User) -> Usage:
        """Sum what a user holds: devices, cores, megabytes of memory and of storage."""
        held = self._held.get(user)
        if not held:
            return 0, 0, 0, 0
        sizes = [a.size for a in held.values()]
        cpu_cores, memory_mb, storage_mb = (sum(part or 0 for part in parts) for parts in zip(*sizes, strict=True))
        return len(held), cpu_cores, memory_mb, storage_mb

    def note_end(self, allocation: MemoryAllocation) -> None:
        """Find it by its end, which is new."""
        heappush(self._due, (allocation.expires_at, allocation.id))
        self.fleet.place(allocation.device)

    def grant(
        self, device: MemoryDevice, user: User, minutes: int, terms: QuotaTerms, until: datetime | None = None
    ) -> Facts:
        """Lend a device that is not lent; a reservation's grant ends with its window, `until`."""
        device.fence += 1
        end = until or self.now + timedelta(minutes=minutes)
        allocation = MemoryAllocation(self.new_id(), device, user, self.now, end, minutes, device.fence, device.size)
        self.by_id[allocation.id] = device.active = allocation
        self._held.setdefault(user, {})[allocation.id] = allocation
        self.waiters.suspect(user)
        self.note_end(allocation)
        facts = allocation.names | {
            "allocatedAt": wire(self.now),
            "expiresAt": wire(end),
            "durationMinutes": minutes,
            "fencingToken": device.fence,
            "remainingDevices": self._remaining(user, terms),
        }
        self.tell("device.allocated", device.id, device.id, facts | {"quotaUsed": allocation.share})
        self.counts[user.tenant_id, "granted"] += 1
        address = {"adbHost": device.adb_host, "adbPort": device.adb_port}
        return facts | address | {"outcome": "granted", "deviceName": device.name, "deviceStatus": device.status}

    def refuse(self, user: User, terms: QuotaTerms, refusal: str | None) -> Facts:
        """Tell of a refusal: the quota's, or the fleet's when it has no text."""
        kind = "quota_exceeded" if refusal else "failed"
        told = {"userId": user.user_id, "tenantId": user.tenant_id, "timestamp": wire(self.now)}
        reason = {"reason": refusal or "no_available_devices"}
        self.tell(f"scheduler.allocation.{kind}", user.user_id, f"{user.tenant_id}|{user.user_id}", told | reason)
        if refusal is None:
            return {"outcome": "none_free"}
        return {"outcome": "over_quota", "reason": refusal, "remainingDevices": self._remaining(user, terms)}

    def tell(self, kind: str, subject: str, group_id: str, data: Mapping[str, Any]) -> None:
        """Write an event."""
        if self.remembers:
            self.events.append(MemoryEvent(kind, subject, group_id, data))

    def tell_device(self, device: MemoryDevice, what: str, reason: str) -> None:
        """Write the event of a change in a device's life."""
        data = {"deviceId": device.id, "tenantId": device.tenant_id, "reason": reason, f"{what}At": wire(self.now)}
        self.tell(f"scheduler.device.{what}", device.id, device.id, data)

    def refusal(self, user: User, terms: QuotaTerms, usage: Usage | None = None) -> str | None:
        """Say why the quota forbids one more device, to one who holds what she does or what is told."""
        blocked = "User is suspended" if user in self.blocked else None
        return refusal_of(terms, usage or self.usage(user), blocked, self.now)

    def ceiling(self, user: User, terms: QuotaTerms) -> Size:
        """Give the largest device that the quota allows now."""
        return ceiling_of(terms.limits, self.usage(user))

    def worth_retrying(self, user: User, wish: Wish, most: Size, refusal: str | None) -> bool:
        """Tell whether ending what is overdue may turn a refusal, or whether a free device may yet be had."""
        if refusal:
            return any(a.expires_at <= self.now for a in self._held.get(user, {}).values())
        return self._first_due() is not None or any(
            spec.kind.is_within(most) and self.fleet.head(spec, None) for spec in wish.classes
        )

    def first_end(self) -> datetime | None:
        """Tell when the next allocation ends that is not overdue."""
        ends = [end for end, named in self._due if end > self.now and named in self.by_id]
        return min(ends, default=None)

    def _release(self, request: ReleaseRequest) -> Facts:
        meant = self._meant(request)
        if meant is None:
            return {"outcome": "not_found"}
        if meant.status is not AllocationStatus.ALLOCATED:
            return {"outcome": "not_active"}
        if request.fencing_token not in {None, meant.fencing_token}:
            return {"outcome": "stale_fence"}
        ended = self._end(meant, AllocationStatus.RELEASED)
        return meant.names | {"outcome": str(ended.status), "durationSeconds": ended.duration_seconds}

    def _meant(self, request: ReleaseRequest) -> MemoryAllocation | None:
        if request.allocation_id is None:
            device = self.fleet.devices.get(request.device_id)
            meant = device.active if device else None
        else:
            meant = self.by_id.get(request.allocation_id)
        is_seen = (
            meant is not None
            and meant.device.id == request.device_id
            and request.tenant_id in {None, meant.user.tenant_id}
            and request.user_id in {None, meant.user.user_id}
        )
        return meant if is_seen else None

    def _end(self, allocation: MemoryAllocation, status: AllocationStatus) -> EndedAllocation:
        """End it; when its time is over it ends as expired, whatever ends it."""
        status = AllocationStatus.EXPIRED if allocation.expires_at <= self.now else status
        seconds = (min(self.now, allocation.expires_at) - allocation.allocated_at) // SECOND
        allocation.status, allocation.released_at, allocation.duration_seconds = status, self.now, seconds
        device = allocation.device
        device.active = None
        self.fleet.place(device)
        self.booked.complete(allocation.id)
        self._forget(allocation)
        self.counts[allocation.user.tenant_id, str(status)] += 1
        if self.remembers:
            self._tell_end(allocation)
        return EndedAllocation(allocation.id, device.id, allocation.user, status, seconds)

    def _tell_end(self, allocation: MemoryAllocation) -> None:
        status, device_id = allocation.status, allocation.device.id
        by_holder = status is AllocationStatus.RELEASED
        data = allocation.names | {
            "allocatedAt": wire(allocation.allocated_at),
            f"{status}At": wire(self.now),
            "durationSeconds": allocation.duration_seconds,
            "quotaRestored": allocation.share,
        }
        kind = "device.released" if by_holder else f"scheduler.allocation.{status}"
        self.tell(kind, device_id if by_holder else allocation.id, device_id, data)

    def _forget(self, allocation: MemoryAllocation) -> None:
        held = self._held[allocation.user]
        del held[allocation.id]
        if not held:
            del self._held[allocation.user]
        if not self.remembers:
            del self.by_id[allocation.id]

    def _remaining(self, user: User, terms: QuotaTerms) -> int:
        limit = terms.limits.devices
        return -1 if limit is None else max(limit - self.usage(user)[0], 0)

    def _first_due(self) -> MemoryAllocation | None:
        """Give the longest overdue one; entries of the heap that are over are taken away."""
        while self._due and self._due[0][0] <= self.now:
            end, named = self._due[0]
            allocation = self.by_id.get(named)
            if allocation and allocation.status is AllocationStatus.ALLOCATED and allocation.expires_at == end:
                return allocation
            heappop(self._due)
        return None

    def _overdue(self) -> Sequence[MemoryAllocation]:
        due: list[MemoryAllocation] = []
        while allocation := self._first_due():
            heappop(self._due)
            due.append(allocation)
        for allocation in due:
            heappush(self._due, (allocation.expires_at, allocation.id))
        return due
