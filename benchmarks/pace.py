"""What rounds of cycles sum up to: one row of the table, and its figures."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from statistics import median

from benchmarks.figures import Figure, figure

RATIO_GOAL_WORKERS = 8
HEADINGS = (
    *("workers", "handlers", "floor", "÷"),
    *("cycle p50", "p95", "p99"),
    *("allocate p50", "p95", "p99"),
    "worker CPU",
)


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


def median_pace(rounds: Iterable[Pace]) -> Pace:
    """Give the median of each column; the ratio is the median of the rounds' ratios, whose halves ran side by side."""
    return Pace(*(median(column) for column in zip(*(astuple(one) for one in rounds), strict=True)))


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


def pace_row(workers: int, rounds: Sequence[Pace]) -> tuple[str, ...]:
    """Give the texts under the headings, from the medians of the rounds."""
    pace = median_pace(rounds)
    times = (
        *(pace.cycle_p50, pace.cycle_p95, pace.cycle_p99),
        *(pace.allocate_p50, pace.allocate_p95, pace.allocate_p99),
    )
    return (
        str(workers),
        f"{pace.handlers_per_second:.0f}",
        f"{pace.floor_per_second:.0f}",
        f"{pace.ratio:.2f}",
        *(f"{time:.1f}" for time in times),
        f"{pace.worker_cpu:.2f}",
    )
