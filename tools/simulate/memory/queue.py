"""The queue in memory: who joins, who is served, and how waits end."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import EndedWait, EntryStatus, QueueEntry, QueueFilter, QueueRequest, Tier, WaitFigures
from scheduler.domain.quota import NO_LIMITS, QuotaTerms
from tools.simulate.figures import percentile
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.fleet import MemoryDevice
from tools.simulate.memory.quotas import ceiling_of, too_big
from tools.simulate.memory.records import SECOND, wire
from tools.simulate.memory.waiters import MemoryWait

HOLDING_NOTHING = (0, 0, 0, 0)
STALE_AT_ONCE = 10
FULFILLED = EntryStatus.FULFILLED
SHOWN = (EntryStatus.WAITING, FULFILLED, EntryStatus.EXPIRED, EntryStatus.CANCELLED)


class MemoryQueue:
    """The line of a store."""

    def __init__(self, store: MemoryAllocations) -> None:
        """Work on the store's line and fleet."""
        self._store = store
        self._line = store.waiters
        self._by_id: dict[str, MemoryWait] = {}

    def join(self, request: QueueRequest, terms: QuotaTerms, tier: Tier, head_start_seconds: int) -> Facts:
        """Put a user in line, or say why not."""
        store, user = self._store, request.user
        if (kept := store.keys.kept(request.key, store.now)) is not None:
            return kept
        before = self._line.by_user.get(user)
        if before and before.expires_at > store.now:
            return store.keys.keep(request.key, store.now, {"outcome": "already_queued", "entryId": before.id})
        if before:  # over, and no sweep has come by
            self._end(before, EntryStatus.EXPIRED)
        wish = store.fleet.wish(user.tenant_id, request.wants)
        most = ceiling_of(terms.limits, HOLDING_NOTHING)
        refusal = store.refusal(user, terms, HOLDING_NOTHING) or too_big(wish, most)
        if refusal:
            return store.keys.keep(request.key, store.now, store.refuse(user, terms, refusal))
        if not any(spec.running for spec in wish.classes):
            return store.keys.forget(request.key, {**store.refuse(user, terms, None), "outcome": "nothing_fits"})
        wait = MemoryWait(
            id=store.new_id(),
            user=user,
            tier=tier,
            rank=store.now.timestamp() - head_start_seconds,
            wants=request.wants,
            wish=wish,
            minutes=request.minutes,
            terms=terms,
            terms_read_at=store.now,
            joined_at=store.now,
            expires_at=store.now + timedelta(minutes=request.max_wait_minutes),
            metadata=request.metadata,
        )
        self._by_id[wait.id] = wait
        self._line.add(wait)
        self._tell(wait, "joined", {})
        return store.keys.keep(request.key, store.now, {"outcome": "joined", "entryId": wait.id})

    def cancel(self, entry_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """End a wait, unless it has ended."""
        store = self._store
        if (kept := store.keys.kept(key, store.now)) is not None:
            return kept
        wait = self._seen(entry_id, tenant_id, user_id)
        if wait is None:
            return store.keys.keep(key, store.now, {"outcome": "entry_not_found"})
        if wait.status is not EntryStatus.WAITING:
            return store.keys.keep(key, store.now, {"outcome": "not_waiting"})
        self._end(wait, EntryStatus.CANCELLED)
        return store.keys.keep(key, store.now, {"outcome": "cancelled", "entryId": entry_id})

    def find(self, entry_id: str, tenant_id: str | None, user_id: str | None) -> QueueEntry | None:
        """Find one entry, with its place while it waits."""
        wait = self._seen(entry_id, tenant_id, user_id)
        return self._entry(wait) if wait else None

    def page(self, wanted: QueueFilter) -> Sequence[QueueEntry]:
        """List newest first."""
        matching = [
            wait
            for wait in self._by_id.values()
            if wanted.tenant_id in {None, wait.user.tenant_id}
            and wanted.user_id in {None, wait.user.user_id}
            and wanted.status in {None, wait.status}
            and (wanted.after is None or (wait.joined_at, wait.id) < wanted.after)
        ]
        newest = sorted(matching, key=lambda wait: (wait.joined_at, wait.id), reverse=True)
        return [self._entry(wait) for wait in newest[: wanted.limit + 1]]

    def figures(self, hours: int) -> Sequence[WaitFigures]:
        """Count the waits that are under way or ended in the last hours, by tier and in all."""
        since = self._store.now - timedelta(hours=hours)
        counted = [wait for wait in self._by_id.values() if wait.ended_at is None or wait.ended_at > since]
        tiers = sorted({wait.tier for wait in counted})
        by_tier = [_figures(tier, [wait for wait in counted if wait.tier is tier]) for tier in tiers]
        return [*by_tier, _figures(None, counted)]

    def length(self) -> int:
        """Count who waits."""
        return len(self._line)

    def serve_next(self, passed: Collection[str], fresh_seconds: int) -> Facts:
        """Lend a device to the first of the line who can have one now; old quotas have to be read anew first."""
        fresh_since = self._store.now - timedelta(seconds=fresh_seconds)
        found = self._next(passed, fresh_since)
        if found is None:
            return {"outcome": "nobody"}
        wait, device = found
        if wait.terms_read_at < fresh_since:
            return {"outcome": "stale", "entries": self._stale(wait, passed, fresh_since)}
        if device.held_for:
            self._line.unhold(self._by_id[device.held_for])
        facts = self._store.grant(device, wait.user, wait.minutes, wait.terms)
        self._end(wait, EntryStatus.FULFILLED, facts)
        waited = (self._store.now - wait.joined_at).total_seconds()
        return {**facts, "entryId": wait.id, "tier": wait.tier, "waitedSeconds": waited}

    def refresh(self, entry_id: str, terms: QuotaTerms) -> None:
        """Keep fresh terms with a waiting entry."""
        wait = self._by_id.get(entry_id)
        if wait and wait.status is EntryStatus.WAITING:
            wait.terms, wait.terms_read_at = terms, self._store.now
            self._store.fleet.holds.suspect(entry_id)

    def expire(self, limit: int) -> Sequence[EndedWait]:
        """End waits whose time is over, the longest overdue first."""
        ended = sorted(self._line.overdue(limit), key=lambda wait: wait.id)
        for wait in ended:
            self._end(wait, EntryStatus.EXPIRED)
        now = self._store.now
        return [EndedWait(w.id, w.user, w.tier, (now - w.joined_at).total_seconds()) for w in ended]

    def hold(self, after_minutes: int) -> Facts:
        """Keep a device for the first of the line who needs that."""
        found = self._line.device_to_keep(after_minutes)
        if found is None:
            return {"outcome": "none"}
        wait, device = found
        self._line.hold(wait, device)
        who = {"userId": wait.user.user_id, "tenantId": wait.user.tenant_id}
        return {"outcome": "held", "entryId": wait.id, "deviceId": device.id, **who}

    def drop_holds(self, limit: int) -> int:
        """Free held devices that cannot serve their waiters."""
        holds = self._store.fleet.holds
        self._line.suspect_blocked()
        useless = list[str]()
        for entry, device in holds.suspects():
            if self._is_useless(entry, device):
                useless.append(entry)
            elif device.next_reserved_at is None and self._by_id[entry].terms.valid_until is None:
                holds.clear(entry)  # time alone makes it no worse
        for entry in useless[:limit]:
            self._line.unhold(self._by_id[entry])
        return len(useless[:limit])

    def seconds_until_due(self) -> float | None:
        """Tell when a reservation begins, a wait is over or, while anybody waits, the next allocation ends."""
        now, end = self._store.now, self._store.first_end() if self._line else None
        others = (end, self._store.booked.first_start_after(now))
        coming = [wait.expires_at for wait in self._line if wait.expires_at > now] + [at for at in others if at]
        return (min(coming) - now).total_seconds() if coming else None

    def _next(self, passed: Collection[str], fresh_since: datetime) -> tuple[MemoryWait, MemoryDevice] | None:
        for wait in self._line.candidates():
            if wait.id in passed:
                continue
            terms = wait.terms if wait.terms_read_at >= fresh_since else NO_LIMITS
            if device := self._line.best_device(wait, terms):
                return wait, device
        return None

    def _stale(self, first: MemoryWait, passed: Collection[str], fresh_since: datetime) -> Sequence[Mapping[str, Any]]:
        behind = (wait for wait in self._line.from_place_of(first) if wait.id not in passed)
        stale = islice((wait for wait in behind if wait.terms_read_at < fresh_since), STALE_AT_ONCE)
        return [
            {
                "entryId": wait.id,
                "tenantId": wait.user.tenant_id,
                "userId": wait.user.user_id,
                "deviceType": wait.wants.device_type,
                "minCpu": wait.wants.min_cpu,
                "minMemory": wait.wants.min_memory_mb,
                "minStorage": wait.wants.min_storage_mb,
            }
            for wait in stale
        ]

    def _is_useless(self, entry: str, device: MemoryDevice) -> bool:
        wait, now = self._by_id[entry], self._store.now
        back_at = max(device.active.expires_at, now) if device.active else now
        if device.status != "running" or not device.is_unreserved_until(back_at + timedelta(minutes=wait.minutes)):
            return True
        spec = device.spec
        return wait.expires_at > now and (spec is None or not self._line.could_have(wait, spec, None, wait.terms))

    def _seen(self, entry_id: str, tenant_id: str | None, user_id: str | None) -> MemoryWait | None:
        wait = self._by_id.get(entry_id)
        is_seen = wait and tenant_id in {None, wait.user.tenant_id} and user_id in {None, wait.user.user_id}
        return wait if is_seen else None

    def _end(self, wait: MemoryWait, status: EntryStatus, grant: Facts | None = None) -> None:
        self._line.remove(wait)
        wait.status, wait.ended_at = status, self._store.now
        if grant:
            wait.allocation_id, wait.device_id = grant["allocationId"], grant["deviceId"]
        at = {"endedAt": wire(self._store.now), "waitedSeconds": (self._store.now - wait.joined_at) // SECOND}
        given = {"allocationId": wait.allocation_id, "deviceId": wait.device_id} if grant else {}
        self._tell(wait, status, at | given)

    def _tell(self, wait: MemoryWait, what: str, more: Facts) -> None:
        user = wait.user
        facts = {
            "id": wait.id,
            "userId": user.user_id,
            "tenantId": user.tenant_id,
            "status": wait.status,
            "tier": wait.tier,
            "durationMinutes": wait.minutes,
            "joinedAt": wire(wait.joined_at),
            "expiresAt": wire(wait.expires_at),
        }
        self._store.tell(f"scheduler.queue.{what}", wait.id, f"{user.tenant_id}|{user.user_id}", {**facts, **more})

    def _entry(self, wait: MemoryWait) -> QueueEntry:
        waits = wait.status is EntryStatus.WAITING
        return QueueEntry(
            id=wait.id,
            user=wait.user,
            status=wait.status,
            tier=wait.tier,
            wants=wait.wants,
            duration_minutes=wait.minutes,
            joined_at=wait.joined_at,
            expires_at=wait.expires_at,
            ended_at=wait.ended_at,
            position=self._line.place_of(wait) if waits else None,
            allocation_id=wait.allocation_id,
            device_id=wait.device_id,
            metadata=wait.metadata,
        )


def _figures(tier: str | None, waits: Sequence[MemoryWait]) -> WaitFigures:
    took = [(w.ended_at - w.joined_at).total_seconds() for w in waits if w.ended_at and w.status is FULFILLED]
    p50, p90 = (percentile(took, share) if took else None for share in (0.5, 0.9))
    counts = Counter(wait.status for wait in waits)
    waiting, fulfilled, expired, cancelled = (counts[status] for status in SHOWN)
    return WaitFigures(tier, waiting, fulfilled, expired, cancelled, p50, p90)
