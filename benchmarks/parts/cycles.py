"""(a) Cycles of allocate + release: the handlers, then the floor, in turn, each alone on the machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import median

from benchmarks.crew import Crew, crew
from benchmarks.figures import figure, percentile
from benchmarks.floor import Floor, FloorRound
from benchmarks.ledger import check_ledger
from benchmarks.outcome import Outcome, Plot, Series, Table
from benchmarks.pace import HEADINGS, Pace, median_pace, pace_figures, pace_row
from benchmarks.part import Part, Tell
from benchmarks.stage import PLAN, Place
from benchmarks.worker import Lap, order, work

MS = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """Numbers of workers, alternating rounds of each, seconds of each half of a round."""

    workers: tuple[int, ...]
    rounds: int
    seconds: int


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Run all rounds; the ledger is checked last."""
    floor, cycles = Floor(place.database_url, place.folder, PLAN), 0
    paces: dict[int, list[Pace]] = {}
    for workers in form.workers:
        paces[workers], ran = _alternate(floor, workers, form, tell)
        cycles += ran
    tell("check the ledger")
    checked = check_ledger(place.database_url, cycles)
    trips = [one.round_trips for rounds in paces.values() for one in rounds]
    figures = [
        *(one for workers, rounds in paces.items() for one in pace_figures(workers, rounds)),
        figure("round trips to Postgres of a warm allocate", max(trips), "== 1", "median of each round"),
        figure("cycles with a wrong answer or a wrong ledger", 0, "== 0", checked),
    ]
    rows = tuple(pace_row(workers, rounds) for workers, rounds in paces.items())
    title = "Allocate + release: cycles/s, times in ms, medians of the rounds"
    return Outcome(tuple(figures), (Table(title, HEADINGS, rows),), (_plot(paces),))


def _alternate(floor: Floor, workers: int, form: Form, tell: Tell) -> tuple[list[Pace], int]:
    paces: list[Pace] = []
    tell(f"{workers} workers: warm")
    with crew(workers, work) as running:
        cycles: int = sum(running.ready)
        for number in range(1, form.rounds + 1):
            doing = f"{workers} workers, round {number}"
            tell(f"{doing}: handlers")
            laps, elapsed = run_laps(running, form.seconds)
            tell(f"{doing}: floor")
            below = floor.run(workers, form.seconds)
            paces.append(pace_of(laps, elapsed, below))
            cycles += sum(len(lap.cycles) for lap in laps) + below.cycles
    return paces, cycles


def run_laps(running: Crew[Lap], seconds: float) -> tuple[list[Lap], float]:
    """Run one round; give the laps, and the seconds from the common start to the last worker's end."""
    start = order(seconds)
    laps = running.tell_all(start, seconds)
    return laps, max(lap.ended_at for lap in laps) - start.start_at


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


def _plot(paces: Mapping[int, Sequence[Pace]]) -> Plot:
    medians = [median_pace(rounds) for rounds in paces.values()]
    workers = tuple(str(number) for number in paces)
    return Plot(
        "cycles",
        "Allocate + release through the handlers, and the same SQL alone",
        "workers",
        "cycles/s",
        (
            Series("handlers", workers, tuple(one.handlers_per_second for one in medians)),
            Series("floor", workers, tuple(one.floor_per_second for one in medians)),
        ),
        kind="bars",
    )


PART = Part(
    name="cycles",
    title="Cycles against the floor",
    quick=Form(workers=(1, 8, 32), rounds=2, seconds=4),
    full=Form(workers=(1, 8, 32), rounds=5, seconds=10),
    steps=lambda form: len(form.workers) * (2 * form.rounds + 1) + 1,
    run=run,
)
