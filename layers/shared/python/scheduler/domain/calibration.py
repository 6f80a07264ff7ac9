"""Whether promised waits were kept, and by what they have to be stretched so that they are."""

from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import ceil, exp2

SOFTENING_SECONDS = 30.0
"""Added to both sides of a ratio of waits: 5 s instead of 1 s is not five times as long to anybody."""

STRATA = (900.0, 3600.0)
"""Raw p90, in seconds, at which waits are told apart: short ones are missed by other multiples than long ones."""

BUCKETS = 128
PER_OCTAVE = 16
"""Ratios from 1/16 to 16 are counted in sixteenths of an octave: 4.4 % apart."""
_FEWEST = 20
_NARROWEST, _WIDEST = 0.25, 4.0

MEDIAN, NINE_OF_TEN = 0.5, 0.9


@dataclass(frozen=True, slots=True)
class Ratios:
    """Real waits as multiples of the raw forecast, lately.

    Attributes:
        served: Counts by bucket, of waits that ended with a device.
        left: Counts by bucket, of waits that ended without one, or go on: the real wait would have been longer.
    """

    served: Mapping[int, int] = field(default_factory=dict)
    left: Mapping[int, int] = field(default_factory=dict)

    def plus(self, other: "Ratios") -> "Ratios":
        """Count both together."""
        return Ratios(Counter(self.served) + Counter(other.served), Counter(self.left) + Counter(other.left))

    def quantile(self, level: float) -> float | None:
        """Ratio within which this share of waits is served, as if nobody left; None: too few have been seen to tell.

        Those who leave count as long as they waited, and not beyond (Kaplan-Meier). The level is raised by one part in
        the number seen, as conformal prediction has it, so that the promise holds for the next wait too.

        Source:
            E. L. Kaplan, P. Meier, JASA 53 (282), 1958, pp. 457-481. V. Vovk et al., Algorithmic Learning in a Random
            World, 2005, chapter 2.
        """
        seen = sum(self.served.values())
        if seen < _FEWEST:
            return None
        level = level * (seen + 1) / seen
        at_risk = seen + sum(self.left.values())
        unserved = 1.0
        for bucket in range(BUCKETS):
            served = self.served.get(bucket, 0)
            if served:
                unserved *= 1 - served / at_risk
                if 1 - unserved >= level:
                    return _middle(bucket)
            at_risk -= served + self.left.get(bucket, 0)
        return _middle(max(self.served))


@dataclass(frozen=True, slots=True)
class Stretch:
    """By what raw forecasts are multiplied, for each stratum of waits."""

    p50: Sequence[float]
    p90: Sequence[float]

    @classmethod
    def learned(cls, p50: Sequence[Ratios], p90: Sequence[Ratios]) -> "Stretch":
        """Learn from the ratios of each stratum; where there are too few, from all; 1 until there is enough."""
        return cls(_learned(p50, MEDIAN), _learned(p90, NINE_OF_TEN))


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds until served, with a chance of one half and of nine in ten, told and as computed before the stretch."""

    p50: int
    p90: int
    raw_p50: float
    raw_p90: float

    @classmethod
    def of(cls, raw: Sequence[float], stretch: Stretch, at_most: float) -> "Estimate":
        """Stretch a raw forecast (p50, p90)."""
        stratum = bisect(STRATA, raw[1])
        p50, p90 = (
            min(max((seconds + SOFTENING_SECONDS) * by[stratum] - SOFTENING_SECONDS, 0.0), at_most)
            for seconds, by in zip(raw, (stretch.p50, stretch.p90), strict=True)
        )
        return cls(ceil(min(p50, p90)), ceil(p90), raw[0], raw[1])


@dataclass(frozen=True, slots=True)
class Calibration:
    """How promises at the join were kept over some days.

    A wait is known when it was served, or ended unserved after its p90 was over (broken). One that was cancelled or
    timed out before that tells nothing, and is counted apart.
    """

    days: int
    known: int
    within_p50: int
    within_p90: int
    unknown: int

    @property
    def share_within_p90(self) -> float | None:
        """Share of known waits that ended within p90; None: there are none."""
        return self.within_p90 / self.known if self.known else None


def _middle(bucket: int) -> float:
    return exp2((bucket + 0.5 - BUCKETS / 2) / PER_OCTAVE)


def _learned(strata: Sequence[Ratios], level: float) -> Sequence[float]:
    of_all = reduce(Ratios.plus, strata).quantile(level)
    learned = (stratum.quantile(level) or of_all or 1.0 for stratum in strata)
    return [min(max(ratio, _NARROWEST), _WIDEST) for ratio in learned]
