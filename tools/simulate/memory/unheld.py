"""Waiters for whom no device is kept, and which of them gets the next one."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace
from operator import attrgetter
from typing import TYPE_CHECKING

from tools.simulate.memory.fleet import MemoryDevice, SpecClass, Wish

if TYPE_CHECKING:
    from tools.simulate.memory.waiters import MemoryWait

type Reach = tuple[SpecClass, ...]
"""Classes of which somebody could have a device."""
type Place = tuple[float, str]
PATIENT_LOOKED_AT = 200
"""Of those who have waited long enough for a device to be kept."""
BY_PLACE = attrgetter("place")


class Unheld:
    """Those of a line without a device of their own: by wish, in their order; the patient ones once more, apart."""

    def __init__(self) -> None:
        """Start with nobody."""
        self._by_wish: dict[Wish, list[MemoryWait]] = {}
        self._patient: list[MemoryWait] = []
        self._coming: list[tuple[datetime, Place, MemoryWait]] = []
        self._since: datetime | None = None

    def add(self, wait: "MemoryWait") -> None:
        """Put one in who has no device."""
        insort(self._by_wish.setdefault(wait.wish, []), wait, key=BY_PLACE)
        heappush(self._coming, (wait.joined_at, wait.place, wait))

    def remove(self, wait: "MemoryWait") -> None:
        """Take one out: she has a device, or waits no longer."""
        of_wish = self._by_wish[wait.wish]
        _remove(of_wish, wait)
        if not of_wish:
            del self._by_wish[wait.wish]
        _remove(self._patient, wait)

    def last_place(self, since: datetime) -> Place:
        """Tell up to which place the patient ones are looked at, who wait since then."""
        self._ripen(since)
        enough = len(self._patient) >= PATIENT_LOOKED_AT
        return self._patient[PATIENT_LOOKED_AT - 1].place if enough else (since.timestamp(), "~")

    def lines(self) -> Collection[tuple[Wish, Sequence["MemoryWait"]]]:
        """Give all, by what they wish for."""
        return self._by_wish.items()

    def _ripen(self, since: datetime) -> None:
        if self._since is not None and since < self._since:
            self._patient = []
            self._coming = [(w.joined_at, w.place, w) for waits in self._by_wish.values() for w in waits]
            heapify(self._coming)
        self._since = since
        while self._coming and self._coming[0][0] <= since:
            _, _, wait = heappop(self._coming)
            if _index(self._by_wish.get(wait.wish, ()), wait) is not None and _index(self._patient, wait) is None:
                insort(self._patient, wait, key=BY_PLACE)


class Search:
    """Looks for the first who has waited so long and fits few devices, and the one of hers that comes back soonest.

    Whoever stands ahead of her and has no other kind to go to needs such a device first.
    """

    def __init__(
        self,
        lent: Collection[SpecClass],
        within_reach: Callable[["MemoryWait"], Sequence[SpecClass]],
        soonest: Callable[["MemoryWait", Sequence[SpecClass]], MemoryDevice | None],
    ) -> None:
        """Take the classes of which unheld devices are lent, and how one waiter is looked at."""
        self._lent, self._within_reach, self._soonest = lent, within_reach, soonest
        self._ahead: defaultdict[Reach, set[SpecClass]] = defaultdict(set)
        self._whole: set[Reach] = set()
        self._hopeless: set[tuple[Reach, int]] = set()

    def first(
        self, lines: Collection[tuple[Wish, Sequence["MemoryWait"]]], last: Place, since: datetime
    ) -> tuple["MemoryWait", MemoryDevice] | None:
        """Go through lines side by side up to a place; leave each as soon as it can tell nothing new."""
        heads = [(waits[0].place, number, 0) for number, (_, waits) in enumerate(lines)]
        sides = [(tuple(wish.classes), waits) for wish, waits in lines]
        heapify(heads)
        while heads and heads[0][0] <= last:
            _, number, at = heads[0]
            reach, waits = sides[number]
            if found := self._look(waits[at], reach, is_patient=waits[at].joined_at <= since):
                return waits[at], found
            if at + 1 < len(waits) and not self._is_done(reach):
                heapreplace(heads, (waits[at + 1].place, number, at + 1))
            else:
                heappop(heads)
        return None

    def _look(self, wait: "MemoryWait", reach: Reach, *, is_patient: bool) -> MemoryDevice | None:
        if reach in self._whole and (not is_patient or (reach, wait.minutes) in self._hopeless):
            return None  # one like her has shown already what she would
        classes = tuple(self._within_reach(wait))
        if is_patient:
            needed = self._needed(reach)
            if soonest := self._soonest(wait, [spec for spec in classes if spec not in needed]):
                return soonest
            if classes == reach:
                self._hopeless.add((reach, wait.minutes))
        self._ahead[reach].update(classes)
        if classes == reach:
            self._whole.add(reach)
        return None

    def _is_done(self, reach: Reach) -> bool:
        """Tell whether all who wish for this need what others ahead need, and have been reckoned with themselves."""
        return reach in self._whole and self._needed(reach).issuperset(c for c in reach if c in self._lent)

    def _needed(self, reach: Reach) -> set[SpecClass]:
        return {c for other, theirs in self._ahead.items() if not has_other_kind(other, reach) for c in theirs}


def has_other_kind(these: Collection[SpecClass], those: Collection[SpecClass]) -> bool:
    """Tell whether some running devices are of these classes and not of those."""
    return any(spec.running and spec not in those for spec in these)


def _remove(waits: list["MemoryWait"], wait: "MemoryWait") -> None:
    if (index := _index(waits, wait)) is not None:
        del waits[index]


def _index(waits: Sequence["MemoryWait"], wait: "MemoryWait") -> int | None:
    index = bisect_left(waits, wait.place, key=BY_PLACE)
    return index if index < len(waits) and waits[index] is wait else None


def up_to(waits: Iterable["MemoryWait"], last: Place) -> Iterator["MemoryWait"]:
    """Give those of a line up to a place."""
    for wait in waits:
        if wait.place > last:
            return
        yield wait
