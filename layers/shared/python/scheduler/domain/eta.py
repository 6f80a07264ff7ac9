"""How long a waiter waits: from what is lent now, how allocations have ended before, and who stands ahead.

The k-th device that frees serves the k-th waiter. Each device frees by itself, with a chance that grows with time, so
that the count freed by t is a sum of independent coin flips, and the wait is over when that sum reaches the place in
line. docs/eta.md tells the method and what it does not know.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from itertools import accumulate, pairwise
from math import erf, exp, exp2, log2, pi, prod, sqrt, sumprod
from typing import NamedTuple

from scheduler.domain.calibration import MEDIAN, NINE_OF_TEN, Estimate, Stretch
from scheduler.domain.endings import Endings

TIMES = (0.0, *(15.0 * 1.22**step for step in range(35)), 14400.0)
"""Seconds ahead at which the chance is computed; between them it is taken as straight."""
_LEAST_VARIANCE = 1e-9
"""A count that is certain is taken as nearly so."""
HORIZON_SECONDS = round(TIMES[-1])
"""Nothing is foreseen beyond; a waiter waits two hours at most."""


class Device(NamedTuple):
    """A device that is lent, or free (nothing left of its time)."""

    kind: int
    used: float
    left: float
    reserved_in: float | None = None
    """Seconds until its next reservation begins."""
    kept_for: str | None = None
    """The waiter who alone gets it."""


class Waiter(NamedTuple):
    """One who waits, or the class of those that come."""

    id: str
    rank: float
    seconds: float
    """How long she wants a device."""
    gone_in: float
    """Seconds until she gives up."""
    kept_in: float
    """Seconds until a device is kept for her, should she wait that long: small requests pass it over."""
    kinds: frozenset[int]
    """Spec classes that would serve her."""
    own: Sequence[tuple[float, float]] = ()
    """Used and left seconds of her own allocations, when her quota lets her have no more before one of them ends."""


class Stream(NamedTuple):
    """Waiters of one tier and wish that have joined lately, and will go on joining."""

    head_start: float
    """Seconds that their tier puts them ahead of one without."""
    per_second: float
    kinds: frozenset[int]


class Moments(NamedTuple):
    """Mean, variance and third central moment of a count; those of independent counts add up."""

    mean: float = 0.0
    variance: float = 0.0
    third: float = 0.0

    def plus(self, other: "Moments") -> "Moments":
        """Give the moments of the sum."""
        return Moments(self.mean + other.mean, self.variance + other.variance, self.third + other.third)

    def minus(self, other: "Moments") -> "Moments":
        """Give the moments of the difference."""
        return Moments(self.mean - other.mean, self.variance + other.variance, self.third - other.third)

    def at_least_one(self) -> float:
        """Chance that the count is 1 or more: the normal distribution, bent by the skewness, with half a step between.

        Source:
            A. Yu. Volkova, Theory of Probability and its Applications 40 (4), 1996, pp. 791-794.
        """
        deviation = sqrt(max(self.variance, _LEAST_VARIANCE))
        x = (0.5 - self.mean) / deviation
        density = exp(-x * x / 2) / sqrt(2 * pi)
        skewness = self.third / deviation**3
        none = (1 + erf(x / sqrt(2))) / 2 + skewness * (1 - x * x) * density / 6
        return 1.0 - min(max(none, 0.0), 1.0)


def flip(chance: float) -> Moments:
    """Give the moments of a coin flip."""
    variance = chance * (1 - chance)
    return Moments(chance, variance, variance * (1 - 2 * chance))


def stream(mean: float) -> Moments:
    """Give the moments of a Poisson count."""
    return Moments(mean, mean, mean)


class Outlook:
    """What is known at one instant of the fleet and of the line."""

    def __init__(
        self, now: float, endings: Endings, devices: Sequence[Device], line: Sequence[Waiter], streams: Sequence[Stream]
    ) -> None:
        """Take the instant (epoch seconds), what was learned, the devices, the line in its order, and who will join."""
        self._now = now
        self._endings = endings
        self._devices = devices
        self._kept = {device.kept_for: device for device in devices if device.kept_for is not None}
        self._line = [waiter for waiter in line if not waiter.own]
        self._streams = streams
        self._freed = cache(self._count_freed)
        self._unreserved = cache(self._count_unreserved)
        self._again = cache(self._ends_again)
        self._rivalry = cache(self._share)
        self._supply = Counter(device.kind for device in self._devices)

    def wait(self, waiter: Waiter, levels: Sequence[float]) -> list[float]:
        """Seconds by which the waiter is served with each of these chances, rising; at most the horizon."""
        chances = self._served_by(waiter)
        kept = self._kept.get(waiter.id)
        if kept is not None:
            alone = [self._chance(kept, time, waiter.seconds) for time in TIMES]
            chances = [max(both) for both in zip(chances, alone, strict=True)]
        if waiter.own:
            chances = [chance * self._any_ends(waiter.own, time) for chance, time in zip(chances, TIMES, strict=True)]
        return [_first(chances, level) for level in levels]

    def _served_by(self, waiter: Waiter) -> list[float]:
        rivals = [(other, weight) for other in self._line if (weight := self._rivalry(other.kinds, waiter.kinds))]
        ahead = [(other, weight) for other, weight in rivals if self._goes_first(other, waiter)]
        freed = self._with_turnover(waiter, ahead)
        need = self._need(freed, ahead)
        later: defaultdict[int, Moments] = defaultdict(Moments)
        for other, weight in rivals:
            if self._will_go_first(other, waiter):
                place = bisect_left(TIMES, other.kept_in)
                later[place] = later[place].plus(flip(weight))
        chances, best = [], 0.0
        kept = accumulate((later[place] for place in range(len(TIMES))), Moments.plus)
        for time, count, for_others in zip(TIMES, freed, kept, strict=True):
            others = need.plus(for_others).plus(stream(self._overtaking(waiter, time)))
            best = max(best, count.minus(others).at_least_one())
            chances.append(best)
        return chances

    def _goes_first(self, other: Waiter, waiter: Waiter) -> bool:
        """Whether a device goes to the other: by rank, or since one is kept for her and the waiter has other kinds."""
        return _precedes(other, waiter) or (other.id in self._kept and bool(waiter.kinds - other.kinds))

    def _will_go_first(self, other: Waiter, waiter: Waiter) -> bool:
        """Whether a device will be kept for one who stands behind, before one is for the waiter."""
        if other.id in self._kept or _precedes(other, waiter):
            return False
        return other.kept_in < min(waiter.kept_in, other.gone_in) and bool(waiter.kinds - other.kinds)

    def _share(self, theirs: frozenset[int], mine: frozenset[int]) -> float:
        """Chance that a device which serves them is one that would serve me."""
        all_theirs = sum(self._supply[kind] for kind in theirs)
        return sum(self._supply[kind] for kind in theirs & mine) / all_theirs if all_theirs else 0.0

    def _need(self, freed: Sequence[Moments], rivals: Sequence[tuple[Waiter, float]]) -> Moments:
        """How many of my devices go to those ahead of me; one who gives up first takes none."""
        need = Moments()
        for rival, weight in rivals:
            there_in_time = freed[_index(rival.gone_in)].minus(need).at_least_one()
            need = need.plus(flip(weight * there_in_time))
        return need

    def _overtaking(self, waiter: Waiter, time: float) -> float:
        """How many of my devices go to those who will join within some seconds with a better rank, in the mean."""
        expected = 0.0
        for joining in self._streams:
            window = waiter.rank + joining.head_start - self._now
            if joining.kinds - waiter.kinds:  # who has other kinds to go to leaves her the one that is kept
                window = min(window, waiter.kept_in)
            seconds = max(min(time, window), 0.0)
            expected += joining.per_second * seconds * self._rivalry(joining.kinds, waiter.kinds)
        return expected

    def _with_turnover(self, waiter: Waiter, rivals: Sequence[tuple[Waiter, float]]) -> Sequence[Moments]:
        """Devices freed by each time, with those that are lent to the ones ahead of me and free once more."""
        freed = self._freed(waiter.kinds, waiter.seconds)
        takers = sum(weight for _, weight in rivals)
        if not takers:
            return freed
        steps = [freed[0].mean, *(later.mean - sooner.mean for sooner, later in pairwise(freed))]
        lengths = _shares_by_length(rivals, takers).items()
        counts = []
        for upto, count in enumerate(freed):
            again = sum(share * sumprod(steps[: upto + 1], self._again(length)[upto]) for length, share in lengths)
            counts.append(count.plus(stream(again * takers / max(count.mean, takers))))
        return counts

    def _ends_again(self, seconds: float) -> Sequence[Sequence[float]]:
        """Expected further ends until each of the times, of a device that freed in each step before it."""
        freed_at = [(sooner + later) / 2 for sooner, later in pairwise((TIMES[0], *TIMES))]
        return [
            [self._endings.turnover((time - at) / seconds) for at in freed_at[: upto + 1]]
            for upto, time in enumerate(TIMES)
        ]

    def _count_freed(self, kinds: frozenset[int], seconds: float) -> Sequence[Moments]:
        """Devices freed by each time that would serve a waiter of these kinds for so long."""
        reserved = [device for device in self._devices if device.kind in kinds and device.reserved_in is not None]
        parts = [self._unreserved(kind) for kind in kinds] + [self._moments(reserved, seconds)]
        return [reduce(Moments.plus, counts) for counts in zip(*parts, strict=True)]

    def _count_unreserved(self, kind: int) -> Sequence[Moments]:
        return self._moments([d for d in self._devices if d.kind == kind and d.reserved_in is None], 0.0)

    def _moments(self, devices: Sequence[Device], seconds: float) -> Sequence[Moments]:
        flips = ([flip(self._chance(device, time, seconds)) for device in devices] for time in TIMES)
        return [Moments(*map(sum, zip(*each, strict=True))) for each in flips]

    def _any_ends(self, own: Sequence[tuple[float, float]], time: float) -> float:
        return 1 - prod(1 - self._endings.chance(used, left, time) for used, left in own)

    def _chance(self, device: Device, time: float, seconds: float) -> float:
        """Chance that a device frees in time, and early enough before its next reservation."""
        latest = time if device.reserved_in is None else min(time, device.reserved_in - seconds)
        return self._endings.chance(device.used, device.left, latest) if latest >= 0 else 0.0


def _precedes(one: Waiter, other: Waiter) -> bool:
    return (one.rank, one.id) < (other.rank, other.id)


def _shares_by_length(waiters: Sequence[tuple[Waiter, float]], total: float) -> Mapping[float, float]:
    """Give the shares of all by how long they want a device, to an eighth of an octave: eighty lengths at most."""
    lengths: defaultdict[float, float] = defaultdict(float)
    for waiter, weight in waiters:
        lengths[exp2(round(log2(waiter.seconds) * 8) / 8)] += weight / total
    return lengths


def _index(seconds: float) -> int:
    """Give the last of the times that is not later."""
    return max(bisect_right(TIMES, seconds) - 1, 0)


def _first(chances: Sequence[float], level: float) -> float:
    """Give when the chance, which never falls, reaches a level."""
    after = bisect_left(chances, level)
    if after == 0:
        return 0.0
    if after == len(TIMES):
        return TIMES[-1]
    before = after - 1
    share = (level - chances[before]) / (chances[after] - chances[before])
    return TIMES[before] + share * (TIMES[after] - TIMES[before])


@dataclass(frozen=True, slots=True)
class Forecast:
    """The outlook of some waiters, and by what it has to be stretched."""

    outlook: Outlook
    asked: Sequence[Waiter]
    stretch: Stretch

    def estimates(self) -> Mapping[str, Estimate]:
        """Estimate the rest of each wait, by its id."""
        return {
            waiter.id: Estimate.of(self.outlook.wait(waiter, (MEDIAN, NINE_OF_TEN)), self.stretch, HORIZON_SECONDS)
            for waiter in self.asked
        }
