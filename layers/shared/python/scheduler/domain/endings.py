"""When an active allocation will end, learned from how others ended."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

_STEPS = 20
_TURNS = 8
"""How many whole spans ahead the second and later lendings of a device are followed."""


@dataclass(frozen=True)
class Endings:
    """How allocations ended lately, as counts.

    Attributes:
        early: Given back or revoked before their time, by the twentieth of their minutes that they had used.
        in_full: Ended by time.
        renewals: How often one was renewed.
        renewed_seconds: What a renewal added, in the mean.
        late_seconds: How long after its time one was ended, in the mean.
    """

    early: tuple[int, ...] = (0,) * _STEPS
    in_full: int = 0
    renewals: int = 0
    renewed_seconds: float = 3600.0
    late_seconds: float = 30.0

    @cached_property
    def _shares(self) -> tuple[float, ...]:
        """Chance to have ended by each twentieth. Two that ran in full are added: a new fleet knows nothing."""
        total = sum(self.early) + self.in_full + 2
        ended = [0.0]
        for count in self.early:
            ended.append(ended[-1] + count / total)
        return tuple(ended)

    def _ended_early(self, share: float) -> float:
        """Chance to be given back within a share of its time, 0 to 1."""
        place = min(max(share, 0.0), 1.0) * _STEPS
        below = min(int(place), _STEPS - 1)
        shares = self._shares
        return shares[below] + (shares[below + 1] - shares[below]) * (place - below)

    def chance(self, used: float, left: float, within: float) -> float:
        """Chance that an active allocation ends within some seconds, given that it has not ended yet.

        Args:
            used: Seconds since it began.
            left: Seconds until its time is over; not above 0: overdue, which ends at the next sweep or sooner.
            within: Seconds from now.
        """
        if left <= 0:
            return 1.0
        span = used + left
        already = self._ended_early(used / span)
        surviving = 1.0 - already
        early = (self._ended_early((used + within) / span) - already) / surviving
        if within < left:
            return early
        to_the_end = (1.0 - self._shares[-1]) / surviving
        renewed = self.renewals / (self.renewals + self.in_full + 2)
        overdue = _passed(within - left, 2 * self.late_seconds)
        longer = _passed(within - left, self.renewed_seconds)
        return early + to_the_end * ((1.0 - renewed) * overdue + renewed * longer)

    @cached_property
    def _turnover(self) -> tuple[float, ...]:
        """Expected ends on a device that is lent again at once, each twentieth of a span, up to eight spans."""
        chances = [later - sooner for sooner, later in pairwise(self._shares)]
        chances[-1] += 1.0 - self._shares[-1]
        ends = [0.0]
        for step in range(_STEPS * _TURNS):
            ends.append(sum(chance * (1.0 + ends[step - after]) for after, chance in enumerate(chances[: step + 1])))
        return tuple(ends)

    def turnover(self, spans: float) -> float:
        """Expected ends on a device that is lent now, and again whenever it frees, within some spans of time."""
        place = min(spans, _TURNS) * _STEPS
        below = min(int(place), _STEPS * _TURNS - 1)
        ends = self._turnover
        return ends[below] + (ends[below + 1] - ends[below]) * (place - below)


def _passed(seconds: float, span: float) -> float:
    """Share of a span that has passed, 0 to 1; all of one without length."""
    return min(seconds / span, 1.0) if span > 0 else 1.0
