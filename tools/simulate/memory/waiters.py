"""Who waits, in memory: the line in its order, and what each of it could be given."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, Any

from scheduler.domain.model import DeviceWants, User
from scheduler.domain.queue import EntryStatus, Tier
from scheduler.domain.quota import QuotaTerms
from tools.simulate.memory.fleet import UNLIMITED, MemoryDevice, SpecClass, Wish

if TYPE_CHECKING:
    from tools.simulate.memory.allocations import MemoryAllocations

type Reach = tuple[Wish, tuple[SpecClass, ...]]
"""What somebody wishes for, and what of it her quota allows."""
LOOKED_AT = 1000
"""Of the line: one that long serves nobody else anyway."""
PATIENT_LOOKED_AT = 200
"""Of those who have waited long enough for a device to be kept."""


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
        self._wishes: Counter[Wish] = Counter()
        self._ends: list[tuple[datetime, str]] = []

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
        self._wishes[wait.wish] += 1
        heappush(self._ends, (wait.expires_at, wait.id))

    def remove(self, wait: MemoryWait) -> None:
        """Take one out of the line."""
        del self._line[bisect_left(self._line, _place(wait), key=_place)]
        del self.by_user[wait.user], self._by_id[wait.id]
        self._wishes[wait.wish] -= 1
        if not self._wishes[wait.wish]:
            del self._wishes[wait.wish]

    def place_of(self, wait: MemoryWait) -> int:
        """Tell her place, from 1."""
        return bisect_left(self._line, _place(wait), key=_place) + 1

    def overdue(self, limit: int) -> Sequence[MemoryWait]:
        """Give waits whose time is over, the longest overdue first."""
        over: list[MemoryWait] = []
        while self._ends and self._ends[0][0] <= self._store.now and len(over) < limit:
            _, named = heappop(self._ends)
            if named in self._by_id:
                over.append(self._by_id[named])
        return over

    def from_place_of(self, wait: MemoryWait) -> Iterator[MemoryWait]:
        """Give her and all behind her."""
        return islice(self._line, bisect_left(self._line, _place(wait), key=_place), None)

    def want_any(self, classes: Collection[SpecClass]) -> bool:
        """Tell whether anybody wishes for a device of some classes, whether she could have it or not."""
        return any(spec in wish.classes for wish in self._wishes for spec in classes)

    def await_class(self, spec: SpecClass, next_reserved_at: datetime | None, without: User) -> bool:
        """Tell whether somebody else waits for a device of a class who could have it now."""
        return self.want_any([spec]) and any(
            wait.user != without and self.could_have(wait, spec, next_reserved_at, wait.terms) for wait in self.first()
        )

    def could_have(self, wait: MemoryWait, spec: SpecClass, reserved_at: datetime | None, terms: QuotaTerms) -> bool:
        """Tell whether she could be given a device of a class that is free until it is reserved (None: for good)."""
        return (
            spec in wait.wish.classes
            and (reserved_at is None or reserved_at >= self._store.now + timedelta(minutes=wait.minutes))
            and spec in self.within_reach(wait, terms)
        )

    def within_reach(self, wait: MemoryWait, terms: QuotaTerms) -> Sequence[SpecClass]:
        """Give the classes of which she could have a device, were one free."""
        store = self._store
        if wait.expires_at <= store.now or store.refusal(wait.user, terms) is not None:
            return ()
        most = store.ceiling(wait.user, terms)
        if most is UNLIMITED:
            return wait.wish.classes
        return [spec for spec in wait.wish.classes if spec.kind.is_within(most)]

    def best_device(self, wait: MemoryWait, terms: QuotaTerms) -> MemoryDevice | None:
        """Give what she would be lent now: what is held for her, the best free one, or one held for somebody behind."""
        fleet, until = self._store.fleet, self._store.now + timedelta(minutes=wait.minutes)
        own = fleet.held.get(wait.id)
        if own and own.active is None and self._may_take(wait, own, terms):
            return own
        if fleet.prefer:
            heads = [head for spec in wait.wish.classes for head in fleet.heads(spec, until)]
            may = [head for head in heads if self._may_take(wait, head, terms)]
            best = fleet.preferred(wait.user, wait.minutes, may)
            return best or next((d for d in fleet.idle_held() if self._may_take(wait, d, terms)), None)
        best = None
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
        since = self._store.now - timedelta(minutes=after_minutes)
        ahead: set[Reach] = set()
        hopeless: set[tuple[Wish, int]] = set()
        for wait, is_patient in self._without_device(since):
            whole = wait.wish, tuple(wait.wish.classes)
            if whole in ahead and (not is_patient or (wait.wish, wait.minutes) in hopeless):
                continue  # one like her has shown already what she would
            classes = tuple(self.within_reach(wait, wait.terms))
            if is_patient and (soonest := self._soonest(wait, classes, ahead)):
                return wait, soonest
            if is_patient and classes == whole[1]:
                hopeless.add((wait.wish, wait.minutes))
            ahead.add((wait.wish, classes))
        return None

    def _without_device(self, since: datetime) -> Iterator[tuple[MemoryWait, bool]]:
        """Give those for whom none is kept, and whether each waits since then; none when no device could be kept."""
        fleet, latest, patient = self._store.fleet, since.timestamp(), 0
        if not fleet.lends_unheld():
            return
        for wait in self.first():
            if wait.rank > latest or patient == PATIENT_LOOKED_AT:
                return
            if wait.id not in fleet.held:
                is_patient = wait.joined_at <= since
                patient += is_patient
                yield wait, is_patient

    def _soonest(self, wait: MemoryWait, classes: Sequence[SpecClass], ahead: Collection[Reach]) -> MemoryDevice | None:
        needed = {c for wish, theirs in ahead if not wish.has_other_kind(wait.wish) for c in theirs}
        fleet, now = self._store.fleet, self._store.now
        likely = (fleet.soonest(spec, now, wait.minutes) for spec in classes if spec not in needed)
        return min(filter(None, likely), key=_back_at, default=None)


def _back_at(device: MemoryDevice) -> datetime:
    return device.active.expires_at if device.active else datetime.max.replace(tzinfo=UTC)
