"""The first time at which many wishes for devices can be had at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


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

    def holds(self, wish: Wish, start: datetime) -> bool:
        """Tell whether the wish can be had here at that time."""
        return (
            self.class_id in wish.classes
            and self.begins_at <= start
            and (self.ends_at is None or self.ends_at >= start + wish.length)
        )


def earliest_for_all(wishes: Sequence[Wish], gaps: Sequence[Gap]) -> datetime | None:
    """Find the first time at which every wish can have a device of its own.

    Args:
        wishes: What is wanted, all at one time.
        gaps: When devices can be had. Those of one device do not overlap, so that none is counted twice.

    Returns:
        The begin of a gap; None when these gaps never allow it.
    """
    for start in sorted({gap.begins_at for gap in gaps}):
        if _all_placed(wishes, gaps, start):
            return start
    return None


def _all_placed(wishes: Sequence[Wish], gaps: Sequence[Gap], start: datetime) -> bool:
    """Give each wish a gap. One with as many choices as there are wishes always finds one: it need not be tried."""
    choices: Mapping[Wish, list[int]] = {
        wish: [number for number, gap in enumerate(gaps) if gap.holds(wish, start)] for wish in set(wishes)
    }
    scarce = [choices[wish] for wish in wishes if len(choices[wish]) < len(wishes)]
    taken: dict[int, int] = {}
    return all(_place(number, scarce, taken, set()) for number in range(len(scarce)))


def _place(wish: int, choices: Sequence[Sequence[int]], taken: dict[int, int], seen: set[int]) -> bool:
    """Give a wish one of its choices, moving others to another of theirs where that helps (an augmenting path)."""
    for gap in choices[wish]:
        if gap in seen:
            continue
        seen.add(gap)
        if gap not in taken or _place(taken[gap], choices, taken, seen):
            taken[gap] = wish
            return True
    return False
