"""Sees what the services do to the stores: who was served, whose wait was over, what has ended."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from scheduler.domain.model import AllocationRequest, EndedAllocation, ReleaseRequest
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import EndedWait
from scheduler.domain.quota import QuotaTerms
from scheduler.ports import AllocationStore
from scheduler.ports.queue import QueueStore


@dataclass
class Seen:
    """What happened since anybody looked, in its order."""

    served: list[Facts] = field(default_factory=list)
    in_vain: list[EndedWait] = field(default_factory=list)
    ended: list[tuple[str, str, int]] = field(default_factory=list)
    """Allocation, device, seconds."""

    def take(self) -> tuple[Sequence[Facts], Sequence[EndedWait], Sequence[tuple[str, str, int]]]:
        """Give all, and forget it."""
        taken = self.served, self.in_vain, self.ended
        self.served, self.in_vain, self.ended = [], [], []
        return taken


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
        return self._note(self._store.reap(request))

    def release(self, request: ReleaseRequest) -> Facts:
        """Note what was released."""
        facts = self._store.release(request)
        if "durationSeconds" in facts:
            self._seen.ended.append((facts["allocationId"], facts["deviceId"], facts["durationSeconds"]))
        return facts

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        """Note what expired."""
        return self._note(self._store.expire_due(limit))

    def _note(self, ended: Sequence[EndedAllocation]) -> Sequence[EndedAllocation]:
        self._seen.ended += [(one.id, one.device_id, one.duration_seconds) for one in ended]
        return ended


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
