"""Play days of lending on the production services, and say how they went; docs/simulator.md explains."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from scheduler.adapters.postgres.connection import StatementFailed
from scheduler.domain.errors import Unavailable
from tools.simulate.demand import PATTERNS, DemandOptions
from tools.simulate.placement import STRATEGIES
from tools.simulate.recorded import Sizes, record
from tools.simulate.report import Found, text, write
from tools.simulate.study import Scenario, Study, jobs_here, results, usual_devices
from tools.simulate.trace import TraceError
from tools.simulate.world import WorldOptions

ROOT = Path(__file__).parents[2]
OUT = ROOT / ".local" / "simulate"
MOST_ON_POSTGRES = 20_000
"""Requests in all; each takes some milliseconds there."""


def main(arguments: list[str] | None = None) -> int:
    """Play, print the main figures, write the report; return the exit code."""
    options = _options(arguments)
    console = Console(stderr=True, highlight=False)
    try:
        study = study_of(options, _recorded(options, console))
        found = _played(study, options.jobs, console)
    except (TraceError, ValueError, Unavailable, StatementFailed) as error:
        console.print(f"make simulate: {error}", markup=False)
        return 2
    print(text(found))
    page = write(study, found, options.out)
    console.print(f"{page} written")
    return 0


def study_of(options: argparse.Namespace, sizes: Sizes = ()) -> Study:
    """Say what is to be compared: each strategy, and each also as the what-if options have it; `sizes` of the phones.

    Raises:
        TraceError: The trace cannot be read.
        ValueError: An option makes no sense.
    """
    if options.on == "postgres" and not options.trace and options.requests * options.seeds > MOST_ON_POSTGRES:
        raise ValueError(f"on Postgres at most {MOST_ON_POSTGRES:,} requests in all: fewer --requests or --seeds")
    if options.on == "postgres" and (learned := [name for name in options.strategy if name.startswith("smart")]):
        raise ValueError(f"{learned[0]} is played in memory only")
    if options.trace and options.reservations:
        raise ValueError("a trace tells itself who books, in its column ahead_minutes; --reservations is for patterns")
    drawn = DemandOptions(options.requests, options.days, options.pattern, options.users, options.reservations)
    demand = options.trace or drawn
    usual = _WhatIf.read(options.devices, "+") if options.devices else _WhatIf()
    ageing = _WhatIf.read(options.ageing, "x") if options.ageing else _WhatIf()
    devices = usual.base or len(sizes) or usual_devices(demand)
    world = WorldOptions(int(devices), ageing.base or 1.0, is_null=options.null_world, sizes=sizes)
    scenarios = [Scenario(name, name, world) for name in options.strategy]
    if usual.change or ageing.change:
        what_if = replace(world, devices=int(devices + (usual.change or 0)), ageing=world.ageing * (ageing.change or 1))
        told = [f"+{usual.change:g} devices"] if usual.change else []
        told += [f"ageing x{ageing.change:g}"] if ageing.change else []
        scenarios += [Scenario(f"{name}, {', '.join(told)}", name, what_if) for name in options.strategy]
    seeds = range(options.seed, options.seed + options.seeds)
    return Study(demand, scenarios, seeds, on_postgres=options.on == "postgres")


def _recorded(options: argparse.Namespace, console: Console) -> Sizes:
    """Read the database, if one is named: who was lent what becomes the trace."""
    if options.database is None:
        return ()
    if options.trace:
        raise ValueError("either a trace or a database")
    url = options.database or os.environ.get("DATABASE_URL", "").strip()
    if not url:
        raise ValueError("--database without a URL needs DATABASE_URL")
    options.trace = options.out / "recorded.csv"
    with _progress(console) as progress:
        task = progress.add_task(f"the last {options.days:g} days", total=1.0)
        return record(url, options.days, options.trace, lambda share: progress.update(task, completed=share))


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)


def _played(study: Study, jobs: int, console: Console) -> Found:
    with _progress(console) as progress:
        runs = len(study.scenarios) * len(study.seeds)
        task = progress.add_task(f"{runs} runs", total=1.0)
        return results(study, jobs, lambda share: progress.update(task, completed=share))


class _WhatIf:
    """A number, or a change of it: `30` or `+20`, `1.5` or `x2`."""

    def __init__(self, base: float | None = None, change: float | None = None) -> None:
        self.base, self.change = base, change

    @classmethod
    def read(cls, given: str, sign: str) -> "_WhatIf":
        try:
            value = float(given.removeprefix(sign))
        except ValueError:
            raise ValueError(f"{given!r} is neither a number nor {sign} and a number") from None
        if value <= 0:
            raise ValueError(f"{given!r} is not more than 0")
        return cls(change=value) if given.startswith(sign) else cls(base=value)


def _strategies(given: str) -> list[str]:
    names = given.split(",")
    unknown = [name for name in names if name not in STRATEGIES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: there are {', '.join(STRATEGIES)}")
    return names


def _positive(given: str) -> int:
    value = int(given)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _share(given: str) -> float:
    value = float(given)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError("a share is from 0 to 1")
    return value


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--trace", type=Path, metavar="CSV", help="who came when, in place of a pattern")
    parser.add_argument(
        "--database",
        nargs="?",
        const="",
        metavar="URL",
        help="replay what a running database has lent in the last DAYS, on a fleet like its own; it is only read"
        " (without URL: DATABASE_URL)",
    )
    parser.add_argument("--pattern", choices=PATTERNS, default="diurnal", help="of arrivals (%(default)s)")
    parser.add_argument("--requests", type=_positive, default=2000, help="about so many in all (%(default)s)")
    parser.add_argument("--days", type=float, default=7, help="in which they come, or that are replayed (%(default)s)")
    parser.add_argument("--users", type=_positive, help="who come (so many that each comes every other day or so)")
    parser.add_argument(
        "--reservations", type=_share, default=0.0, metavar="SHARE", help="of requests that book ahead, 0 to 1 (0)"
    )
    parser.add_argument("--devices", metavar="N|+N", help="the fleet (what mostly suffices); +20: also with 20 more")
    parser.add_argument("--ageing", metavar="F|xF", help="how much wear counts; x2: also doubled (1)")
    parser.add_argument(
        "--strategy",
        type=_strategies,
        default=["resource_based"],
        metavar="NAME[,NAME]",
        help=f"one or more of {', '.join(STRATEGIES)} (resource_based)",
    )
    parser.add_argument("--null-world", action="store_true", help="all phones and hosts alike: no strategy can gain")
    parser.add_argument("--seeds", type=_positive, default=20, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first (%(default)s)")
    parser.add_argument("--on", choices=("memory", "postgres"), default="memory", help="which adapter (%(default)s)")
    parser.add_argument("--jobs", type=_positive, default=jobs_here(), help="runs at a time (%(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the report (.local/simulate)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
