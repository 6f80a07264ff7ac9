"""Pure arithmetic of the benchmark: percentiles, figures against their goals."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}


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
