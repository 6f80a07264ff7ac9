"""Pure arithmetic of the benchmark: percentiles, medians of rounds, figures against their goals."""

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from math import ceil
from statistics import median
from typing import Any

RATIO_GOAL_WORKERS = 8
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le, "==": operator.eq}


@dataclass(frozen=True, slots=True)
class Pace:
    """One round, or the medians of several: the handlers, the floor beside them, and handlers ÷ floor. Times in ms."""

    handlers_per_second: float
    floor_per_second: float
    ratio: float
    cycle_p50: float
    cycle_p95: float
    cycle_p99: float
    allocate_p50: float
    allocate_p95: float
    allocate_p99: float
    floor_mean: float
    worker_cpu: float
    round_trips: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `goal` is a comparison such as ">= 0.40", and without one `holds` says nothing."""

    name: str
    value: float
    goal: str | None
    holds: bool | None
    detail: str


def percentile(values: Sequence[float], share: float) -> float:
    """Give the nearest-rank percentile.

    Args:
        values: Measurements in any order.
        share: 0 < share <= 1; 0.95 is the 95th percentile.

    Raises:
        ValueError: There are no values, or the share is out of range.
    """
    if not values or not 0 < share <= 1:
        raise ValueError("a percentile needs values, and a share above 0 and up to 1")
    return sorted(values)[ceil(share * len(values)) - 1]


def median_pace(rounds: Iterable[Pace]) -> Pace:
    """Give the median of each column; the ratio is the median of the rounds' ratios, whose halves ran side by side."""
    return Pace(*(median(column) for column in zip(*(astuple(one) for one in rounds), strict=True)))


def figure(name: str, value: float, goal: str | None = None, detail: str = "") -> Figure:
    """Hold a value against its goal."""
    return Figure(name, round(value, 4), goal, goal and meets(value, goal), detail)  # type: ignore[arg-type]


def meets(value: float, goal: str) -> bool:
    """Tell whether a value meets a goal such as ">= 0.40".

    Raises:
        ValueError: The goal is no comparison with a number.
    """
    comparison, _, bound = goal.partition(" ")
    if comparison not in _COMPARISONS:
        raise ValueError(f"{goal!r} is no comparison")
    return _COMPARISONS[comparison](value, float(bound))


def pace_figures(workers: int, rounds: Sequence[Pace]) -> list[Figure]:
    """Give the figures of one number of workers, from its rounds."""
    pace, who = median_pace(rounds), f"{workers} worker{'s' if workers > 1 else ''}"
    ratios = ", ".join(f"{one.ratio:.3f}" for one in rounds)
    return [
        figure(
            f"cycles/s through handlers ÷ floor, {who}, with user lock and quota",
            pace.ratio,
            ">= 0.40" if workers == RATIO_GOAL_WORKERS else None,
            f"median of {len(rounds)} alternating rounds: {ratios}",
        ),
        figure(f"cycles/s through handlers, {who}", pace.handlers_per_second),
        figure(f"cycles/s of the floor, {who}", pace.floor_per_second, detail=f"mean cycle {pace.floor_mean:.2f} ms"),
        figure(f"p50 of a cycle, {who}, ms", pace.cycle_p50),
        figure(f"p95 of a cycle, {who}, ms", pace.cycle_p95),
        figure(f"p99 of a cycle, {who}, ms", pace.cycle_p99),
        figure(f"p50 of allocate, {who}, ms", pace.allocate_p50),
        figure(f"p95 of allocate, {who}, ms", pace.allocate_p95),
        figure(f"p99 of allocate, {who}, ms", pace.allocate_p99),
        figure(f"CPU of the worker a cycle, {who}, ms", pace.worker_cpu, detail="its own process; servers not counted"),
    ]


def results(machine: Mapping[str, Any], figures: Iterable[Figure]) -> dict[str, Any]:
    """Give the document of results.json."""
    return {"machine": dict(machine), "figures": [asdict(one) for one in figures]}
