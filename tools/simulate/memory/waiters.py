"""Who waits, in memory: the line in its order, and what each of it could be given."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from scheduler.domain.model import DeviceWants, User
from scheduler.domain.queue import EntryStatus, Tier
from scheduler.domain.quota import QuotaTerms
from tools.simulate.memory.fleet import MemoryDevice, SpecClass, Wish

if TYPE_CHECKING:
    from tools.simulate.memory.allocations import MemoryAllocations

LOOKED_AT = 1000
"""Of the line: one that long serves nobody else anyway."""


@dataclass(slots=True, eq=False)
class MemoryWait:
    """A wait, under way or ended. `rank`: seconds since 1970, less the tier's head start."""

    id: str
    user: User
    tier: Tier
    rank: float
    wants: DeviceWants
    wish: Wish
    minutes: int
    terms: QuotaTerms
    terms_read_at: datetime
    joined_at: datetime
    expires_at: datetime
    metadata: Mapping[str, Any] | None = None
    status: EntryStatus = EntryStatus.WAITING
    ended_at: datetime | None = None
    allocation_id: str | None = None
    device_id: str | None = None

    @property
    def place(self) -> tuple[float, str]:
        """What the line is ordered by."""
        return self.rank, self.id


def _place(wait: MemoryWait) -> tuple[float, str]:
    return wait.rank, wait.id


class Waiters:
    """The line of a store."""

    def __init__(self, store: "MemoryAllocations") -> None:
        """Start with nobody."""
        self._store = store
        self._line: list[MemoryWait] = []
        self.by_user: dict[User, MemoryWait] = {}
        self._by_id: dict[str, MemoryWait] = {}

    def __len__(self) -> int:
        """Count who waits."""
        return len(self._line)

    def __iter__(self) -> Iterator[MemoryWait]:
        """Give all of the line."""
        return iter(self._line)

    def first(self) -> Iterator[MemoryWait]:
        """Give those who are looked at, in their order."""
        return islice(self._line, LOOKED_AT)

    def add(self, wait: MemoryWait) -> None:
        """Put one in line."""
        insort(self._line, wait, key=_place)
        self.by_user[wait.user] = self._by_id[wait.id] = wait

    def remove(self, wait: MemoryWait) -> None:
        """Take one out of the line."""
        del self._line[bisect_left(self._line, _place(wait), key=_place)]
        del self.by_user[wait.user], self._by_id[wait.id]

    def place_of(self, wait: MemoryWait) -> int:
        """Tell her place, from 1."""
        return bisect_left(self._line, _place(wait), key=_place) + 1

    def await_class(self, spec: SpecClass, next_reserved_at: datetime | None, without: User) -> bool:
        """Tell whether somebody else waits for a device of a class who could have it now."""
        return bool(self._line) and any(
            wait.user != without and self.could_have(wait, spec, next_reserved_at, wait.terms) for wait in self.first()
        )

    def could_have(self, wait: MemoryWait, spec: SpecClass, reserved_at: datetime | None, terms: QuotaTerms) -> bool:
        """Tell whether she could be given a device of a class that is free until it is reserved (None: for good)."""
        store = self._store
        return (
            spec in wait.wish.classes
            and wait.expires_at > store.now
            and wait.status is EntryStatus.WAITING
            and (reserved_at is None or reserved_at >= store.now + timedelta(minutes=wait.minutes))
            and store.refusal(wait.user, terms) is None
            and spec.kind.is_within(store.ceiling(wait.user, terms))
        )

    def best_device(self, wait: MemoryWait, terms: QuotaTerms) -> MemoryDevice | None:
        """Give what she would be lent now: what is held for her, the best free one, or one held for somebody behind."""
        fleet, until = self._store.fleet, self._store.now + timedelta(minutes=wait.minutes)
        own = fleet.held.get(wait.id)
        if own and own.active is None and self._may_take(wait, own, terms):
            return own
        best: MemoryDevice | None = None
        for spec in wait.wish.classes:
            head = fleet.head(spec, until)
            if head and (best is None or head.score > best.score) and self._may_take(wait, head, terms):
                best = head
        return best or next((d for d in fleet.idle_held() if self._may_take(wait, d, terms)), None)

    def _may_take(self, wait: MemoryWait, device: MemoryDevice, terms: QuotaTerms) -> bool:
        if device.status != "running" or device.spec is None:
            return False
        if device.held_for is not None and device.held_for != wait.id:
            holder = self._by_id.get(device.held_for)
            if holder is None or holder.place < wait.place or wait.wish.has_other_kind(holder.wish):
                return False
        return self.could_have(wait, device.spec, device.next_reserved_at, terms)

    def device_to_keep(self, after_minutes: int) -> tuple[MemoryWait, MemoryDevice] | None:
        """Find the first who has waited so long and fits few devices, and the one of hers that comes back soonest.

        Whoever stands ahead of her and has no other kind to go to needs such a device first.
        """
        store = self._store
        since = store.now - timedelta(minutes=after_minutes)
        ahead: dict[tuple[Wish, tuple[SpecClass, ...]], None] = {}
        for wait in self.first():
            if wait.rank > since.timestamp():
                return None
            if wait.id in store.fleet.held:
                continue
            classes = tuple(c for c in wait.wish.classes if self.could_have(wait, c, None, wait.terms))
            if wait.joined_at <= since:
                needed = {c for wish, theirs in ahead if not wish.has_other_kind(wait.wish) for c in theirs}
                soonest = [
                    device
                    for spec in classes
                    if spec not in needed and (device := store.fleet.soonest(spec, store.now, wait.minutes))
                ]
                if soonest:
                    return wait, min(soonest, key=lambda device: device.active.expires_at)  # type: ignore[union-attr]
            ahead[wait.wish, classes] = None
        return None
