"""python -m benchmarks [--quick] [--workers 1,8,32] [--rounds N] [--seconds S]"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.crew import crew
from benchmarks.figures import Figure, Pace, figure, pace_figures
from benchmarks.floor import WARM_UP_SECONDS, Floor
from benchmarks.fresh import RUNS_A_ROUND, fresh_figures
from benchmarks.ledger import check_ledger
from benchmarks.machine import machine_facts
from benchmarks.report import show, write_page, write_results
from benchmarks.rounds import run_round
from benchmarks.stage import FLEET, PLAN, Stage, stage
from benchmarks.worker import USERS_PER_WORKER, WrongAnswer

type Advance = Callable[[str], None]

_CONSOLE = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Form:
    """How much to measure: numbers of workers, alternating rounds of each, seconds of each half of a round."""

    workers: tuple[int, ...]
    rounds: int
    seconds: int

    @property
    def steps(self) -> int:
        """How often the progress bar advances."""
        return len(self.workers) * (2 * self.rounds + 1) + RUNS_A_ROUND * self.rounds


FULL = Form(workers=(1, 8, 32), rounds=5, seconds=10)
QUICK = Form(workers=(1, 8, 32), rounds=3, seconds=5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 when some cycle or the ledger was wrong, and then nothing is written."""
    form = read_form(arguments)
    try:
        with stage() as place:
            _CONSOLE.print(_introduction(place))
            machine = machine_facts(place.postgres, _settings(form))
            paces, figures = measure(place, form)
    except WrongAnswer as problem:
        _CONSOLE.print(f"[red]✗[/] wrong answers, so no figures:\n{escape(str(problem))}")
        return 1
    show(_CONSOLE, paces, figures)
    write_results(machine, figures)
    if form in {FULL, QUICK}:  # a trial with other numbers leaves the page as it is
        write_page(machine, paces, figures)
    return 0


def read_form(arguments: Sequence[str] | None) -> Form:
    """Read the command line; what is not given comes from the full or the quick form."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="allocate + release against the floor")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 5 s instead of 5 of 10 s")
    parser.add_argument("--workers", type=_numbers, help="numbers of workers, as 1,8,32")
    parser.add_argument("--rounds", type=_positive)
    parser.add_argument("--seconds", type=_positive, help="of each half of a round")
    given = parser.parse_args(arguments)
    form = QUICK if given.quick else FULL
    return Form(given.workers or form.workers, given.rounds or form.rounds, given.seconds or form.seconds)


def measure(place: Stage, form: Form) -> tuple[dict[int, list[Pace]], list[Figure]]:
    """Run everything behind a progress bar; the ledger is checked last."""
    columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_CONSOLE, transient=True) as bar:
        task = bar.add_task("start", total=form.steps)

        def advance(doing: str) -> None:
            bar.update(task, advance=1, description=doing)

        figures, cycles = fresh_figures(form.rounds, lambda: advance("fresh processes"))
        floor, paces = Floor(place.database_url, place.folder, PLAN), {}
        for workers in form.workers:
            paces[workers], ran = _alternate(floor, workers, form, advance)
            cycles += ran
        bar.update(task, description="check the ledger")
        checked = check_ledger(place.database_url, cycles)
    trips = [one.round_trips for rounds in paces.values() for one in rounds]
    figures.append(figure("round trips to Postgres of a warm allocate", max(trips), "== 1", "median of each round"))
    figures.append(figure("cycles with a wrong answer or a wrong ledger", 0, "== 0", checked))
    return paces, [*(one for workers in paces for one in pace_figures(workers, paces[workers])), *figures]


def _alternate(floor: Floor, workers: int, form: Form, advance: Advance) -> tuple[list[Pace], int]:
    paces: list[Pace] = []
    with crew(workers) as running:
        advance(f"{workers} workers: warm")
        cycles = running.warm_up_cycles
        for number in range(1, form.rounds + 1):
            half = partial(_advance_half, advance, f"{workers} workers, round {number}")
            pace, ran = run_round(running, floor, workers, form.seconds, half)
            paces.append(pace)
            cycles += ran
    return paces, cycles


def _advance_half(advance: Advance, name: str, half: str) -> None:
    advance(f"{name}: {half}")


def _settings(form: Form) -> dict[str, object]:
    return {
        "workers": list(form.workers),
        "rounds": form.rounds,
        "seconds": form.seconds,
        "floor_warm_up_seconds": WARM_UP_SECONDS,
        "fleet": FLEET,
        "users_per_worker": USERS_PER_WORKER,
        "plan": PLAN,
        "log_level": "INFO, to the null device",
    }


def _introduction(place: Stage) -> str:
    settings = ", ".join(f"{name}={value}" for name, value in place.postgres.items() if name != "server_version")
    return (
        f"{FLEET} devices, plan {PLAN}; Postgres {place.postgres['server_version']}: {settings}.\n"
        "Handlers log at INFO as in production; logs and metrics go to the null device."
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(","))


def _positive(text: str) -> int:
    if not 0 < int(text) <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is out of range")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
