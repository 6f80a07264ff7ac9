"""What lending a device is expected to cost: from its record, its host's and its model's, under a placement model.

How it is used. Whenever a session ends, `fold` it into the records of its device, of the device's host and of its
model (`kind`). Now and then `appraise` each device: `Appraisal.score` is its placement score, and `hazard`, `drawn` and
`costs` are what a claim needs to weigh the best few once more by what only the request tells (`cost_of`, `best`).
All is pure; records fade by time, which is given in seconds since 1970.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp
from random import Random
from typing import Any

from scheduler.domain.placement_model import WEAR_SCALE_HOURS, PlacementModel
from scheduler.domain.placement_record import UNSEEN, Record
from scheduler.domain.queue import Tier

RERANKED = 8
"""So many of the best devices by score are weighed once more within a claim."""
FAR_HOURS = 24.0
"""A reservation later than this, or none, is as far as can be."""
_LEAST, _MOST = 1e-9, 0.5


@dataclass(frozen=True, slots=True)
class Posterior:
    """A Beta distribution of the chance to fail in a standard hour."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """The expected chance."""
        return self.alpha / (self.alpha + self.beta)

    def draw(self, chance: Random) -> float:
        """Draw one value, as Thompson sampling does."""
        return min(max(chance.betavariate(self.alpha, self.beta), _LEAST), _MOST)


@dataclass(frozen=True, slots=True)
class Standing:
    """A device and what it belongs to, now.

    Attributes:
        own, host, of_kind: Records; the host's and the model's include its own.
        kind: Its model; None: unknown.
        load: Of its host now, 0 to 1; None: unknown.
        cpu_cores: Its size.
        taken: Share of the devices of its spec class that are lent, 0 to 1: what makes a spare core dear.
    """

    own: Record
    host: Record = UNSEEN
    of_kind: Record = UNSEEN
    kind: str | None = None
    load: float | None = None
    cpu_cores: int = 0
    taken: float = 0.0


def posterior(model: PlacementModel, standing: Standing, at: float) -> Posterior:
    """Weigh what is known of a device against its host and model; the less it has been seen, the more they count."""
    strengths, life = model.strengths, model.half_life_days
    own = standing.own.decayed(at, life)
    of_kind = standing.of_kind.decayed(at, life)
    others = standing.host.decayed(at, life).without(own, life)
    of_kinds = model.base * _factor(strengths.kind, of_kind, model.base)
    prior = min(max(of_kinds * _factor(strengths.host, others, of_kinds), _LEAST), _MOST)
    alpha = strengths.device + own.failed
    beta = strengths.device * (1 - prior) / prior + max(own.at_risk - own.failed, 0.0)
    return Posterior(alpha, beta)


def _factor(strength: float, record: Record, rate: float) -> float:
    """Tell how many times more often it failed than this rate would have it, drawn towards 1."""
    return (strength + record.failed) / (strength + record.at_risk * rate)


@dataclass(frozen=True, slots=True)
class Costs:
    """What lending a device is expected to cost, by part: what `explain` shows. Stickiness saves."""

    failure: float = 0.0
    start: float = 0.0
    wear: float = 0.0
    fit: float = 0.0
    stickiness: float = 0.0
    gap: float = 0.0

    @property
    def total(self) -> float:
        """The sum."""
        return self.failure + self.start + self.wear + self.fit + self.stickiness + self.gap

    @property
    def parts(self) -> Mapping[str, float]:
        """Each by its name."""
        return {
            "failure": self.failure,
            "start": self.start,
            "wear": self.wear,
            "fit": self.fit,
            "stickiness": self.stickiness,
            "gap": self.gap,
        }


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What a device is worth to anybody, kept until the next refresh.

    Attributes:
        hazard: Expected failures an hour, as of its present load.
        drawn: The same by one draw of the posterior: what a request that explores sees. Without a draw, `hazard`.
        costs: Of a session of the usual length.
    """

    hazard: float
    drawn: float
    costs: Costs

    @property
    def score(self) -> float:
        """The placement score: higher is lent first."""
        return -self.costs.total


def appraise(model: PlacementModel, standing: Standing, at: float, chance: Random | None = None) -> Appraisal:
    """Say what a device is worth now. `chance`: also draw, for those who explore; None: nobody explores with it."""
    weights, hours = model.weights, model.usual_hours
    believed = posterior(model, standing, at)
    multiplier = model.multiplier(standing.kind, standing.load, standing.own.used_hours)
    hazard = model.hazard(believed.mean, multiplier)
    drawn = model.hazard(believed.draw(chance), multiplier) if chance else hazard
    costs = Costs(
        failure=weights.failure * failure_chance(hazard, hours),
        start=weights.start_second * expected_start_seconds(model, standing, at),
        wear=weights.wear_hour * hours * standing.own.used_hours / WEAR_SCALE_HOURS,
        fit=weights.spare_core_hour * hours * standing.cpu_cores * min(max(standing.taken, 0.0), 1.0) ** 2,
    )
    return Appraisal(hazard, drawn, costs)


def failure_chance(hazard: float, hours: float) -> float:
    """Give the chance to fail within so many hours."""
    return 1 - exp(-hazard * hours)


def expected_start_seconds(model: PlacementModel, standing: Standing, at: float) -> float:
    """Tell how long it takes until the device can be used, drawn towards its model's usual time."""
    of_all = model.start_seconds
    usual = of_all if standing.kind is None else model.start_kinds.get(standing.kind, of_all)
    own, strength = standing.own.decayed(at, model.half_life_days), model.strengths.start
    return (strength * usual + own.start_seconds) / (strength + own.starts) * model.slowness(standing.load)


@dataclass(frozen=True, slots=True)
class Head:
    """One of the few best free devices, as a claim finds it.

    Attributes:
        device_id: Which.
        hazard, drawn, costs: Of its appraisal.
        was_hers: Whether the user had it last, within the tenant.
        gap_hours: Until its next reservation; None: there is none.
        is_excluded: Operators want no exploring with it.
    """

    device_id: str
    hazard: float
    drawn: float
    costs: Costs = Costs()
    was_hers: bool = False
    gap_hours: float | None = None
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What only the request tells. `hours`: for how long she will use it (`PlacementModel.expected_hours`)."""

    hours: float
    explores: bool = False


def cost_of(model: PlacementModel, head: Head, asked: Asked) -> Costs:
    """Say what lending this device to this request is expected to cost: failing for her hours, and what she adds."""
    weights = model.weights
    hazard = head.drawn if asked.explores and not head.is_excluded else head.hazard
    gap = FAR_HOURS if head.gap_hours is None else min(head.gap_hours, FAR_HOURS)
    return replace(
        head.costs,
        failure=weights.failure * failure_chance(hazard, asked.hours),
        stickiness=-weights.stickiness if head.was_hers else 0.0,
        gap=weights.gap_hour * max(gap - asked.hours, 0.0),
    )


def best(model: PlacementModel, heads: Sequence[Head], asked: Asked) -> Head:
    """Give the cheapest; the earlier among equals.

    Raises:
        ValueError: There is none.
    """
    return min(heads[:RERANKED], key=lambda head: cost_of(model, head, asked).total)


def explores(model: PlacementModel, tier: Tier, *, is_reservation: bool, uniform: float) -> bool:
    """Tell whether a request explores: a small share, none of a reservation or of tier enterprise.

    Args:
        model: Holds the share.
        tier: The user's.
        is_reservation: Whether the device is for a reservation.
        uniform: A draw from 0 to below 1.
    """
    return not is_reservation and tier is not Tier.ENTERPRISE and uniform < model.exploration.share


def terms_of(model: PlacementModel) -> Mapping[str, Any]:
    """Give what a claim needs of a model, flat: its weights, and a device that nobody knows (score, hazard, fixed).

    `use` is the share of the asked minutes after which devices come back, of all sessions: for tenants of whom nothing
    was learned. `own`: how far the user's own past counts against that.
    """
    unknown = appraise(model, Standing(UNSEEN), UNSEEN.as_of)
    shares = [min(share, 1.0) for share in model.uses.of_all]
    return {
        "model": model.name,
        "score": unknown.score,
        "hazard": unknown.hazard,
        "fixed": unknown.costs.total - unknown.costs.failure,
        "failure": model.weights.failure,
        "stickiness": model.weights.stickiness,
        "gap": model.weights.gap_hour,
        "use": sum(shares) / len(shares),
        "own": model.uses.own_weight,
        "share": model.exploration.share,
    }
