"""Who waits, in memory: the line in its order, and what each of it could be given."""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush, merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from scheduler.domain.model import DeviceWants, User
from scheduler.domain.queue import EntryStatus, Tier
from scheduler.domain.quota import QuotaTerms
from tools.simulate.memory.fleet import UNLIMITED, MemoryDevice, SpecClass, Wish
from tools.simulate.memory.unheld import BY_PLACE, Place, Search, Unheld, up_to

if TYPE_CHECKING:
    from tools.simulate.memory.allocations import MemoryAllocations

LOOKED_AT = 1000
"""Of the line: one that long serves nobody else anyway."""
END_OF_LINE: Place = (float("inf"), "")


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

    place: Place = field(init=False)
    """What the line is ordered by."""

    def __post_init__(self) -> None:
        """Find her place."""
        self.place = self.rank, self.id


class Waiters:
    """The line of a store."""

    def __init__(self, store: "MemoryAllocations") -> None:
        """Start with nobody."""
        self._store = store
        self._line: list[MemoryWait] = []
        self._by_wish: dict[Wish, list[MemoryWait]] = {}
        self._unheld = Unheld()
        self.by_user: dict[User, MemoryWait] = {}
        self._by_id: dict[str, MemoryWait] = {}
        self._ends: list[tuple[datetime, str]] = []

    def __len__(self) -> int:
        """Count who waits."""
        return len(self._line)

    def __iter__(self) -> Iterator[MemoryWait]:
        """Give all of the line."""
        return iter(self._line)

    def add(self, wait: MemoryWait) -> None:
        """Put one in line."""
        insort(self._line, wait, key=BY_PLACE)
        insort(self._by_wish.setdefault(wait.wish, []), wait, key=BY_PLACE)
        self._unheld.add(wait)
        self.by_user[wait.user] = self._by_id[wait.id] = wait
        heappush(self._ends, (wait.expires_at, wait.id))

    def remove(self, wait: MemoryWait) -> None:
        """Take one out of the line; what was kept for her is free."""
        self.unhold(wait)
        self._unheld.remove(wait)
        of_wish = self._by_wish[wait.wish]
        for waits in (self._line, of_wish):
            del waits[bisect_left(waits, wait.place, key=BY_PLACE)]
        if not of_wish:
            del self._by_wish[wait.wish]
        del self.by_user[wait.user], self._by_id[wait.id]

    def hold(self, wait: MemoryWait, device: MemoryDevice) -> None:
        """Keep a device for her."""
        self._unheld.remove(wait)
        self._store.fleet.holds.keep(device, wait.id)

    def unhold(self, wait: MemoryWait) -> None:
        """Keep nothing for her any longer."""
        fleet = self._store.fleet
        if device := fleet.holds.drop(wait.id):
            self._unheld.add(wait)
            fleet.place(device)

    def suspect(self, user: User) -> None:
        """See that what a user may have has become less: what is kept for her is looked at again."""
        if wait := self.by_user.get(user):
            self._store.fleet.holds.suspect(wait.id)

    def suspect_blocked(self) -> None:
        """Look again at what is kept for blocked users."""
        for user in self._store.blocked:
            self.suspect(user)

    def place_of(self, wait: MemoryWait) -> int:
        """Tell her place, from 1."""
        return bisect_left(self._line, wait.place, key=BY_PLACE) + 1

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
        return islice(self._line, self.place_of(wait) - 1, None)

    def await_class(self, spec: SpecClass, next_reserved_at: datetime | None, without: User) -> bool:
        """Tell whether somebody else waits for a device of a class who could have it now."""
        last = self._last_looked_at()
        return any(
            wait.user != without and self.could_have(wait, spec, next_reserved_at, wait.terms)
            for wish, waits in self._by_wish.items()
            if spec in wish.classes
            for wait in up_to(waits, last)
        )

    def candidates(self) -> Iterator[MemoryWait]:
        """Give those of the line, in its order, for whom there may be a device now."""
        fleet = self._store.fleet
        heads = [spec for spec in fleet.classes if fleet.head(spec, None)]
        idle = fleet.holds.idle()
        kept = [(device.spec, self._by_id[entry].wish) for entry, device in idle.items()]
        kept = list(dict.fromkeys(kept))
        wishes = [wish for wish in self._by_wish if self._may_find(wish, heads, kept)] if heads or kept else []
        own = sorted((self._by_id[entry] for entry in idle if self._by_id[entry].wish not in wishes), key=BY_PLACE)
        return up_to(merge(own, *map(self._by_wish.__getitem__, wishes), key=BY_PLACE), self._last_looked_at())

    def _may_find(
        self, wish: Wish, heads: Collection[SpecClass], kept: Collection[tuple[SpecClass | None, Wish]]
    ) -> bool:
        return any(spec in wish.classes for spec in heads) or any(
            spec in wish.classes and not wish.has_other_kind(holders) for spec, holders in kept
        )

    def _last_looked_at(self) -> Place:
        return self._line[LOOKED_AT - 1].place if len(self._line) > LOOKED_AT else END_OF_LINE

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
        own = fleet.holds.device_of(wait.id)
        if own and own.active is None and self._may_take(wait, own, terms):
            return own
        if fleet.prefer:
            heads = [head for spec in wait.wish.classes for head in fleet.heads(spec, until)]
            may = [head for head in heads if self._may_take(wait, head, terms)]
            best = fleet.preferred(wait.user, wait.minutes, may)
            return best or next((d for d in fleet.idle_held() if self._may_take(wait, d, terms)), None)
        best = fleet.best(wait.wish.classes, until, lambda head: self._may_take(wait, head, terms))
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
        """Find the first who has waited so long and fits few devices, and the one of hers that comes back soonest."""
        fleet, now = self._store.fleet, self._store.now
        since = now - timedelta(minutes=after_minutes)
        lent = fleet.lent_classes()
        if not lent:
            return None

        def soonest(wait: MemoryWait, classes: Sequence[SpecClass]) -> MemoryDevice | None:
            likely = (fleet.soonest(spec, now, wait.minutes) for spec in classes)
            return min(filter(None, likely), key=_back_at, default=None)

        last = min(self._unheld.last_place(since), self._last_looked_at())
        search = Search(lent, lambda wait: self.within_reach(wait, wait.terms), soonest)
        return search.first(self._unheld.lines(), last, since)


def _back_at(device: MemoryDevice) -> datetime:
    return device.active.expires_at if device.active else datetime.max.replace(tzinfo=UTC)
