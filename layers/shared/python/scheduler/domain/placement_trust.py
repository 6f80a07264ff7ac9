"""Whether the placement model may go on deciding: is it old, and do failures come as it says?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt

from scheduler.domain.placement_model import PlacementModel

OLDEST_DAYS = 30
WATCHED = 400
"""Sessions that are looked at: the last so many that ended."""
FEWEST = 150
"""With fewer nothing is said: chance alone would raise the alarm."""
BAND_SIGMAS = 3.0
BAND_TIMES = 2.0
"""Failures may be so many times more, or fewer, than expected, and so many standard deviations beyond that. A model
that chooses by its own word meets more than it said: it favours what it underrates. It is not doubted for that."""
ORDER_SIGMAS = 2.5


class Doubt(StrEnum):
    """Why a model is not followed; resource_based is, meanwhile."""

    STALE = "stale"
    """It was trained too long ago."""
    MISCALIBRATED = "miscalibrated"
    """Failures are many more, or many fewer, than it says."""
    MISORDERED = "misordered"
    """What it calls safe fails more often than what it calls risky."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Some ended sessions: how many, how many failures were expected and with what variance, how many came."""

    sessions: int = 0
    expected: float = 0.0
    variance: float = 0.0
    failed: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Count both together."""
        return Tally(
            self.sessions + other.sessions,
            self.expected + other.expected,
            self.variance + other.variance,
            self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True)
class Watched:
    """The last sessions, told apart by what the model said of them: the safer half, and the riskier one."""

    safer: Tally = Tally()
    riskier: Tally = Tally()


def watched(outcomes: Sequence[tuple[float, bool]]) -> Watched:
    """Count outcomes: the chance to fail that the model gave each session at the grant, and whether it failed."""
    ordered = sorted(outcomes[-WATCHED:], key=lambda one: one[0])
    middle = len(ordered) // 2
    return Watched(_tally(ordered[:middle]), _tally(ordered[middle:]))


def doubt(model: PlacementModel, seen: Watched, now: datetime, oldest_days: int = OLDEST_DAYS) -> Doubt | None:
    """Say why the model should not be followed; None: nothing speaks against it."""
    if is_stale(model, now, oldest_days):
        return Doubt.STALE
    if seen.safer.sessions + seen.riskier.sessions < FEWEST:
        return None
    if is_misordered(seen):
        return Doubt.MISORDERED
    return Doubt.MISCALIBRATED if is_outside(seen.safer.plus(seen.riskier)) else None


def is_stale(model: PlacementModel, now: datetime, oldest_days: int = OLDEST_DAYS) -> bool:
    """Tell whether it was trained too long ago."""
    return now - model.trained_at > timedelta(days=oldest_days)


def band(tally: Tally) -> tuple[float, float]:
    """Give how few and how many failures may come before the model is doubted."""
    width = BAND_SIGMAS * sqrt(BAND_TIMES * tally.variance + 1)
    return max(tally.expected / BAND_TIMES - width, 0.0), tally.expected * BAND_TIMES + width


def is_outside(tally: Tally) -> bool:
    """Tell whether failures came much more, or much less, often than expected."""
    few, many = band(tally)
    return not few <= tally.failed <= many


def is_misordered(seen: Watched) -> bool:
    """Tell whether the half that should be safer failed more often, beyond what chance does."""
    safer, riskier = seen.safer, seen.riskier
    if not safer.sessions or not riskier.sessions:
        return False
    rate, other = safer.failed / safer.sessions, riskier.failed / riskier.sessions
    of_both = (safer.failed + riskier.failed) / (safer.sessions + riskier.sessions)
    spread = sqrt(of_both * (1 - of_both) * (1 / safer.sessions + 1 / riskier.sessions))
    return rate - other > ORDER_SIGMAS * spread


def _tally(outcomes: Sequence[tuple[float, bool]]) -> Tally:
    return Tally(
        len(outcomes),
        sum(chance for chance, _ in outcomes),
        sum(chance * (1 - chance) for chance, _ in outcomes),
        sum(failed for _, failed in outcomes),
    )
