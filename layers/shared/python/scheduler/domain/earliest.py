"""The first time at which many wishes for devices can be had at once."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice


@dataclass(frozen=True, slots=True)
class Wish:
    """A device of one of these classes, for so long."""

    classes: frozenset[int]
    length: timedelta


@dataclass(frozen=True, slots=True)
class Gap:
    """A device of a class that can be had from one time to another (None: for good)."""

    class_id: int
    begins_at: datetime
    ends_at: datetime | None

    def holds(self, length: timedelta, start: datetime) -> bool:
        """Tell whether the device can be had for so long at that time."""
        return self.begins_at <= start and (self.ends_at is None or self.ends_at >= start + length)


MOST_TRIED = 100
"""Times tried between the first that might do and the first that does for good; each is a search of its own."""


def earliest_for_all(wishes: Sequence[Wish], gaps: Sequence[Gap]) -> datetime | None:
    """Find the first time at which every wish can have a device of its own.

    Gaps that end make the answer go to and fro with time, so times are tried one by one, but only where that matters:
    not before all could be had if no gap ended, and not after all can be had of gaps that do not end.

    Args:
        wishes: What is wanted, all at one time.
        gaps: When devices can be had. Those of one device do not overlap, so that none is counted twice.

    Returns:
        The begin of a gap; None when these gaps never allow it. Later than need be only where more than a hundred
        times would have to be tried.
    """
    starts = sorted({gap.begins_at for gap in gaps})
    possible = _first_time(starts, wishes, [replace(gap, ends_at=None) for gap in gaps])
    lasting = _first_time(starts, wishes, [gap for gap in gaps if gap.ends_at is None])
    kept = _by_class(gaps)
    return next(
        (start for start in starts[possible:lasting][:MOST_TRIED] if _all_placed(wishes, kept, start)),
        starts[lasting] if lasting < len(starts) else None,
    )


type _ByClass = Mapping[int, Sequence[Gap]]


def _by_class(gaps: Iterable[Gap]) -> _ByClass:
    """Sort gaps by class, those that end last first: with them no wish is worse off."""
    kept: dict[int, list[Gap]] = {}
    for gap in sorted(gaps, key=_end, reverse=True):
        kept.setdefault(gap.class_id, []).append(gap)
    return kept


def _end(gap: Gap) -> datetime:
    return gap.ends_at or datetime.max.replace(tzinfo=UTC)


def _first_time(starts: Sequence[datetime], wishes: Sequence[Wish], lasting: Sequence[Gap]) -> int:
    """Find the place of the first time that does, among gaps that do not end: from there on all do."""
    return bisect_left(starts, True, key=partial(_all_placed, wishes, _by_class(lasting)))


def _all_placed(wishes: Sequence[Wish], gaps: _ByClass, start: datetime) -> bool:
    """Give each wish a gap. One with as many choices as there are wishes always finds one: it need not be tried."""
    most = len(wishes)
    open_now = {name: [gap for gap in those if gap.begins_at <= start][:most] for name, those in gaps.items()}
    choices = {wish: _choices(wish, open_now, start, most) for wish in set(wishes)}
    scarce = [choices[wish] for wish in wishes if len(choices[wish]) < most]
    taken: dict[_Place, int] = {}
    return all(_place(number, scarce, taken, set()) for number in range(len(scarce)))


type _Place = tuple[int, int]


def _choices(wish: Wish, gaps: _ByClass, start: datetime, most: int) -> Sequence[_Place]:
    fitting = (
        (class_id, number)
        for class_id in wish.classes
        for number, gap in enumerate(gaps.get(class_id, ()))
        if gap.holds(wish.length, start)
    )
    return tuple(islice(fitting, most))


def _place(wish: int, choices: Sequence[Sequence[_Place]], taken: dict[_Place, int], seen: set[_Place]) -> bool:
    """Give a wish one of its choices, moving others to another of theirs where that helps (an augmenting path)."""
    for gap in choices[wish]:
        if gap in seen:
            continue
        seen.add(gap)
        if gap not in taken or _place(taken[gap], choices, taken, seen):
            taken[gap] = wish
            return True
    return False
