"""Sees what the services do to the stores: who was served, what has ended, what became of reservations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from scheduler.domain.model import AllocationRequest, EndedAllocation, ReleaseRequest
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import EndedWait
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import Reservation
from scheduler.ports import AllocationStore
from scheduler.ports.queue import QueueStore
from scheduler.ports.reservations import ReservationCalendar


@dataclass
class Seen:
    """What happened since anybody looked, in its order."""

    served: list[Facts] = field(default_factory=list)
    in_vain: list[EndedWait] = field(default_factory=list)
    ended: list[tuple[str, str, int]] = field(default_factory=list)
    """Allocation, device, seconds."""
    begun: list[Facts] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    """Reservation, and the device that it has now."""
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Reservation, and what became of it: failed, expired or unclaimed."""

    def take(self) -> "Seen":
        """Give all, and forget it."""
        taken = Seen(self.served, self.in_vain, self.ended, self.begun, self.moved, self.broken)
        self.served, self.in_vain, self.ended = [], [], []
        self.begun, self.moved, self.broken = [], [], []
        return taken

    def note_ends(self, ended: Sequence[EndedAllocation]) -> Sequence[EndedAllocation]:
        """Note what has ended; give it on."""
        self.ended += [(one.id, one.device_id, one.duration_seconds) for one in ended]
        return ended


class WatchedAllocations:
    """A store that tells what it ends."""

    def __init__(self, store: AllocationStore, seen: Seen) -> None:
        """Pass everything on."""
        self._store = store
        self._seen = seen
        self.delete_ended = store.delete_ended

    def claim(self, request: AllocationRequest, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Pass it on."""
        return self._store.claim(request, terms, last_attempt=last_attempt)

    def reap(self, request: AllocationRequest) -> Sequence[EndedAllocation]:
        """Note what was reaped."""
        return self._seen.note_ends(self._store.reap(request))

    def release(self, request: ReleaseRequest) -> Facts:
        """Note what was released."""
        facts = self._store.release(request)
        if "durationSeconds" in facts:
            self._seen.ended.append((facts["allocationId"], facts["deviceId"], facts["durationSeconds"]))
        return facts

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """Note what expired."""
        return self._seen.note_ends(self._store.expire_due(limit))


class WatchedQueue:
    """A line that tells whom it serves and whose time is over."""

    def __init__(self, queue: QueueStore, seen: Seen) -> None:
        """Pass everything on."""
        self._queue = queue
        self._seen = seen
        self.join, self.cancel, self.find, self.page = queue.join, queue.cancel, queue.find, queue.page
        self.figures, self.length, self.refresh = queue.figures, queue.length, queue.refresh
        self.hold, self.drop_holds, self.seconds_until_due = queue.hold, queue.drop_holds, queue.seconds_until_due

    def serve_next(self, passed: Collection[str], fresh_seconds: int) -> Facts:
        """Note who is served."""
        facts = self._queue.serve_next(passed, fresh_seconds)
        if facts["outcome"] == "granted":
            self._seen.served.append(facts)
        return facts

    def expire(self, limit: int) -> Sequence[EndedWait]:
        """Note whose wait is over."""
        ended = self._queue.expire(limit)
        self._seen.in_vain += ended
        return ended


class WatchedCalendar:
    """A calendar that tells what becomes of reservations."""

    def __init__(self, calendar: ReservationCalendar, seen: Seen) -> None:
        """Pass everything on."""
        self._calendar = calendar
        self._seen = seen
        self.to_execute, self.to_expire, self.in_danger = calendar.to_execute, calendar.to_expire, calendar.in_danger
        self.unclaimed, self.to_remind, self.remind = calendar.unclaimed, calendar.to_remind, calendar.remind

    def clear_devices(self) -> Sequence[EndedAllocation]:
        """Note what was overdue."""
        return self._seen.note_ends(self._calendar.clear_devices())

    def reap(self, reservation: Reservation) -> Sequence[EndedAllocation]:
        """Note what was reaped."""
        return self._seen.note_ends(self._calendar.reap(reservation))

    def execute(self, reservation_id: str, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Note what begins, or fails."""
        facts = self._calendar.execute(reservation_id, terms, last_attempt=last_attempt)
        if facts["outcome"] == "executed":
            self._seen.begun.append(facts)
        return self._note_failure(reservation_id, facts)

    def expire(self, reservation_id: str) -> bool:
        """Note what nobody served in time."""
        is_over = self._calendar.expire(reservation_id)
        if is_over:
            self._seen.broken.append((reservation_id, "expired"))
        return is_over

    def move(self, reservation_id: str, terms: QuotaTerms, notice_minutes: int) -> Facts:
        """Note what has another device now, or fails."""
        facts = self._calendar.move(reservation_id, terms, notice_minutes)
        if facts["outcome"] == "moved":
            self._seen.moved.append((reservation_id, facts["deviceId"]))
        return self._note_failure(reservation_id, facts)

    def end_no_show(self, reservation_id: str, minutes: int) -> Sequence[EndedAllocation]:
        """Note for whom nobody came."""
        ended = self._calendar.end_no_show(reservation_id, minutes)
        if ended:
            self._seen.broken.append((reservation_id, "unclaimed"))
        return self._seen.note_ends(ended)

    def _note_failure(self, reservation_id: str, facts: Facts) -> Facts:
        if facts["outcome"] == "failed":
            self._seen.broken.append((reservation_id, "failed"))
        return facts
