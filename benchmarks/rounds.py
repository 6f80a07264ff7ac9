"""One alternating round: the handlers, then the floor, both alone on the machine."""

from collections.abc import Callable, Sequence
from itertools import chain
from statistics import median

from benchmarks.crew import Crew
from benchmarks.figures import Pace, percentile
from benchmarks.floor import Floor, FloorRound
from benchmarks.worker import Lap

MS = 1000


def run_round(crew: Crew, floor: Floor, workers: int, seconds: int, advance: Callable[[str], None]) -> tuple[Pace, int]:
    """Run both halves; give the pace, and how many cycles the ledger must show for them."""
    laps, elapsed = crew.run(seconds)
    advance("handlers")
    below = floor.run(workers, seconds)
    advance("floor")
    return pace_of(laps, elapsed, below), sum(len(lap.cycles) for lap in laps) + below.cycles


def pace_of(laps: Sequence[Lap], elapsed: float, below: FloorRound) -> Pace:
    """Sum up one round; `elapsed` in seconds, from the common start to the last worker's end."""
    cycles = [MS * seconds for seconds in chain.from_iterable(lap.cycles for lap in laps)]
    allocates = [MS * seconds for seconds in chain.from_iterable(lap.allocates for lap in laps)]
    per_second = len(cycles) / elapsed
    return Pace(
        handlers_per_second=per_second,
        floor_per_second=below.per_second,
        ratio=per_second / below.per_second,
        cycle_p50=percentile(cycles, 0.50),
        cycle_p95=percentile(cycles, 0.95),
        cycle_p99=percentile(cycles, 0.99),
        allocate_p50=percentile(allocates, 0.50),
        allocate_p95=percentile(allocates, 0.95),
        allocate_p99=percentile(allocates, 0.99),
        floor_mean=below.mean_ms,
        worker_cpu=MS * sum(lap.cpu_seconds for lap in laps) / len(cycles),
        round_trips=median(chain.from_iterable(lap.round_trips for lap in laps)),
    )
