"""(i) Cycles under the learned strategy and under the default one, in turn, each against its own floor."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

import psutil

from benchmarks.apart import apart
from benchmarks.crew import crew
from benchmarks.figures import Figure, figure
from benchmarks.floor import Floor
from benchmarks.ledger import check_ledger
from benchmarks.outcome import Outcome, Table, WrongAnswer
from benchmarks.pace import HEADINGS, Pace, pace_row
from benchmarks.part import Part, Tell
from benchmarks.parts.cycles import MS, pace_of, run_laps
from benchmarks.stage import PLAN, Place
from benchmarks.worker import work
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.domain.model import Strategy
from scheduler.domain.placement_model import PlacementModel

DEFAULT, LEARNED = Strategy.RESOURCE_BASED, Strategy.SMART


@dataclass(frozen=True, slots=True)
class Form:
    """Workers, rounds of both strategies, seconds of each half of a round."""

    workers: int
    rounds: int
    seconds: int


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Switch, run the handlers and then the floor, and so on; the ledger is checked last."""
    _publish(place.database_url)
    floor, cycles = Floor(place.database_url, place.folder, PLAN), 0
    paces: dict[Strategy, list[Pace]] = {DEFAULT: [], LEARNED: []}
    cpu: dict[Strategy, list[float]] = {DEFAULT: [], LEARNED: []}
    tell("warm")
    with crew(form.workers, work) as running:
        cycles += sum(running.ready)
        for number in range(1, form.rounds + 1):
            for strategy, rounds in paces.items():
                tell(f"round {number}: {strategy}")
                apart(follow, strategy)
                before = _postgres_ms(place.database_url)
                laps, elapsed = run_laps(running, form.seconds)
                spent = _postgres_ms(place.database_url) - before + sum(MS * lap.cpu_seconds for lap in laps)
                cpu[strategy].append(spent / sum(len(lap.cycles) for lap in laps))
                below = floor.run(form.workers, form.seconds)
                rounds.append(pace_of(laps, elapsed, below))
                cycles += sum(len(lap.cycles) for lap in laps) + below.cycles
    tell("check the ledger")
    checked = check_ledger(place.database_url, cycles)
    return Outcome((*_figures(paces, form.workers, checked), _cpu_figure(cpu, form.workers)), (_table(paces),), ())


def follow(strategy: Strategy) -> None:
    """Have devices lent by a strategy, with all scores written.

    Raises:
        WrongAnswer: Another one is followed.
    """
    from scheduler.runtime.placement import get_placement

    now = get_placement().choose(strategy, by="bench", seconds=60)
    if now.effective != strategy or not now.rescoring.is_done:
        raise WrongAnswer(f"{strategy} is not followed: {now}")


def _postgres_ms(url: str) -> float:
    """Give the CPU that the sessions of the functions have used so far."""
    with closing(Database(lambda: url)) as database:
        sessions = database.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND application_name = 'scheduler'",
            {},
        )
    spent = [psutil.Process(session["pid"]).cpu_times() for session in sessions]
    return MS * sum(times.user + times.system for times in spent)


def _publish(url: str) -> None:
    with closing(Database(lambda: url)) as database:
        PostgresLessons(database).publish(PlacementModel(name="bench", trained_at=datetime.now(UTC)), "bench")


def _figures(paces: Mapping[Strategy, Sequence[Pace]], workers: int, checked: str) -> list[Figure]:
    default, learned = paces[DEFAULT], paces[LEARNED]
    against = [new.ratio / old.ratio for old, new in zip(default, learned, strict=True)]
    speed = [new.handlers_per_second / old.handlers_per_second for old, new in zip(default, learned, strict=True)]
    told = f"median of {len(against)} alternating rounds: "
    return [
        figure(
            f"ratio to the floor under {LEARNED} ÷ under {DEFAULT}, {workers} workers",
            median(against),
            ">= 0.95",
            told + ", ".join(f"{one:.3f}" for one in against),
        ),
        figure(
            f"cycles/s under {LEARNED} ÷ under {DEFAULT}, {workers} workers",
            median(speed),
            ">= 0.95",
            told + ", ".join(f"{one:.3f}" for one in speed),
        ),
        figure("cycles of both strategies with a wrong answer or a wrong ledger", 0, "== 0", checked),
    ]


def _cpu_figure(cpu: Mapping[Strategy, Sequence[float]], workers: int) -> Figure:
    against = [new / old for old, new in zip(cpu[DEFAULT], cpu[LEARNED], strict=True)]
    spent = ", ".join(f"{strategy} {median(each):.2f} ms" for strategy, each in cpu.items())
    return figure(
        f"CPU of a cycle under {LEARNED} ÷ under {DEFAULT}, functions and their Postgres sessions, {workers} workers",
        median(against),
        "<= 1.05",
        f"{spent}; median of {len(against)} alternating rounds: " + ", ".join(f"{one:.3f}" for one in against),
    )


def _table(paces: Mapping[Strategy, Sequence[Pace]]) -> Table:
    rows = tuple((str(strategy), *pace_row(0, rounds)[1:]) for strategy, rounds in paces.items())
    return Table("Cycles/s, times in ms, medians of the rounds:", ("strategy", *HEADINGS[1:]), rows)


PART = Part(
    name="strategies",
    title="The learned strategy",
    quick=Form(workers=8, rounds=2, seconds=3),
    full=Form(workers=8, rounds=10, seconds=5),
    steps=lambda form: 2 * form.rounds + 2,
    run=run,
)
