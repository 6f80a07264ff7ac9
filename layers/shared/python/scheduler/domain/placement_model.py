"""The learned placement model: what was learned, and what it says of devices and of use.

A standard hour is an hour of use of an unworn device of an average model on an idle host: whatever makes failures
likelier (`multiplier`) makes an hour count for more of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import exp
from typing import Any

WEAR_SCALE_HOURS = 1000.0
MOST_MULTIPLIED = 50.0
"""An hour counts for no more standard hours, and for no less than one part in so many."""
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the share of the asked minutes after which devices come back."""
MINUTE_STEPS = (30, 60, 120, 240, 480)
"""Asked minutes are told apart by the first of these that is as long; longer ones count with the last."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What things cost, in one currency, beside a core at 0.01 an hour. This is the one place where they stand.

    Attributes:
        failure: A failure that a user meets.
        start_second: A second until the lent device can be used.
        wear_hour: An hour of use of a device that has 1,000 hours of use; proportionally less when it has fewer.
        spare_core_hour: An hour of a core when all such devices are taken; a quarter of it when half of them are.
        stickiness: What it saves to get the device that the user had last, within one tenant.
        gap_hour: An hour of a device's free time before its next reservation that is left over.
    """

    failure: float = 0.2
    start_second: float = 0.00001
    wear_hour: float = 0.0002
    spare_core_hour: float = 0.004
    stickiness: float = 0.0002
    gap_hour: float = 0.00002


@dataclass(frozen=True, slots=True)
class Strengths:
    """How much a group's rate counts against one's own counts, in failures (`start`: in starts)."""

    device: float = 1.0
    host: float = 2.0
    kind: float = 10.0
    start: float = 5.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Straightens predicted hazards: exp(intercept) * hazard ** slope. Keeps their order."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, slots=True)
class Exploration:
    """`share`: so many of the requests that may explore do; each gets one of the eight best all the same."""

    share: float = 0.05


@dataclass(frozen=True, slots=True)
class Uses:
    """After what share of the asked minutes devices come back, and how far the user's own past counts.

    Attributes:
        of_all: Quantiles of everybody.
        cells: Quantiles by tenant and step of MINUTE_STEPS, as `acme|60`; where there were enough sessions.
        own_weight: 0 to 1: how much the mean of the user's last two sessions counts against the table.
    """

    of_all: Sequence[float] = (0.3, 0.7, 1.0, 1.0, 1.0)
    cells: Mapping[str, Sequence[float]] = field(default_factory=dict)
    own_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class PlacementModel:
    """What was learned; also good as it stands, untrained: the defaults shrink to an average fleet.

    Attributes:
        name: Which it is; explanations name it.
        trained_at: When.
        sessions: From how many ended sessions.
        metrics: How well it predicted sessions that it had not seen (Brier score, log loss, …).
        base: Failures in a standard hour.
        kinds: By device model: how much likelier its failures are than the average's.
        load: Logarithm of the multiplier: load[0] * load + load[1] * load ** 2, load 0 to 1.
        usual_load: Counts where a device's load is not known.
        wear: Logarithm of the multiplier per 1,000 hours of use.
        half_life_days: After which a failure, or an hour without one, counts half.
        start_seconds: Until a lent device can be used: of all.
        start_kinds: The same by device model.
        start_load: How many times longer it takes on a full host, less 1.
        usual_hours: Of a session; placement scores are for one of these.
    """

    name: str = "untrained"
    trained_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    sessions: int = 0
    metrics: Mapping[str, Any] = field(default_factory=dict)
    base: float = 0.01
    kinds: Mapping[str, float] = field(default_factory=dict)
    load: Sequence[float] = (0.0, 1.0)
    usual_load: float = 0.3
    wear: float = 0.0
    half_life_days: float = 30.0
    strengths: Strengths = Strengths()
    calibration: Calibration = Calibration()
    start_seconds: float = 30.0
    start_kinds: Mapping[str, float] = field(default_factory=dict)
    start_load: float = 1.0
    usual_hours: float = 1.5
    uses: Uses = Uses()
    exploration: Exploration = Exploration()
    weights: Weights = Weights()

    def multiplier(self, kind: str | None, load: float | None, used_hours: float) -> float:
        """Tell how many standard hours an hour counts for. `load`: 0 to 1, None: unknown."""
        share = self.usual_load if load is None else min(max(load, 0.0), 1.0)
        power = self.load[0] * share + self.load[1] * share**2 + self.wear * used_hours / WEAR_SCALE_HOURS
        log_most = 4.0
        by_state = exp(min(max(power, -log_most), log_most))
        by_kind = 1.0 if kind is None else self.kinds.get(kind, 1.0)
        return min(max(by_kind * by_state, 1 / MOST_MULTIPLIED), MOST_MULTIPLIED)

    def hazard(self, rate: float, multiplier: float) -> float:
        """Give calibrated failures an hour, of a rate in a standard hour."""
        slope: float = self.calibration.slope
        calibrated: float = exp(self.calibration.intercept) * (rate * multiplier) ** slope
        return calibrated

    def slowness(self, load: float | None) -> float:
        """Tell how many times longer a start takes than on an idle host."""
        return 1 + self.start_load * (self.usual_load if load is None else min(max(load, 0.0), 1.0))

    def share(self, tenant_id: str, asked_minutes: int) -> float:
        """Give the mean share of the asked minutes after which a tenant's devices come back, or else everybody's."""
        quantiles = self.uses.cells.get(cell(tenant_id, asked_minutes), self.uses.of_all)
        return sum(min(share, 1.0) for share in quantiles) / len(quantiles)

    def expected_hours(
        self, tenant_id: str, asked_minutes: int, last_two: Sequence[float] = (), share: float | None = None
    ) -> float:
        """Tell how long a user will use a device.

        Args:
            tenant_id: Hers.
            asked_minutes: For how long she asks.
            last_two: Hours of use of her last two sessions; fewer when she had fewer.
            share: After which share of these minutes such devices come back, as was learned since; None: nothing was.
        """
        asked = asked_minutes / 60
        by_table = asked * (self.share(tenant_id, asked_minutes) if share is None else share)
        if not last_two:
            return by_table
        own = min(sum(last_two) / len(last_two), asked)
        return self.uses.own_weight * own + (1 - self.uses.own_weight) * by_table


def cell(tenant_id: str, asked_minutes: int) -> str:
    """Name the cell of `Uses` that a wish belongs to."""
    return f"{tenant_id}|{step_of(asked_minutes)}"


def step_of(asked_minutes: int) -> int:
    """Give the step of MINUTE_STEPS that a wish belongs to."""
    return next((step for step in MINUTE_STEPS if asked_minutes <= step), MINUTE_STEPS[-1])
