"""Learn the placement model from how sessions ended, and write it with how well it predicts later sessions."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from scheduler.adapters.postgres.connection import NotAConnectionUrl
from scheduler.domain.errors import Unavailable
from scheduler.domain.placement_document import written
from scheduler.domain.placement_model import PlacementModel
from tools.simulate.demand import DemandOptions
from tools.simulate.history import Ended
from tools.simulate.placement import STRATEGIES
from tools.simulate.study import jobs_here
from tools.simulate.world import WorldOptions
from tools.train.fit import TooLittle, fitted
from tools.train.sources import of_database, simulated

OUT = Path(__file__).parents[2] / ".local" / "train" / "model.json"


def main(arguments: list[str] | None = None) -> int:
    """Read, fit, write; return the exit code."""
    options = _options(arguments)
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    if unknown := set(options.strategy.split(",")) - STRATEGIES.keys():
        console.print(f"make train: no strategy {sorted(unknown)[0]}; there are {', '.join(STRATEGIES)}", markup=False)
        return 2
    try:
        with Progress(*columns, console=console) as progress:
            history = _history(options, progress)
            task = progress.add_task(f"fitting {len(history):,} sessions", total=1.0)
            model = fitted(
                history, options.name, datetime.now(UTC), lambda share: progress.update(task, completed=share)
            )
    except (TooLittle, NotAConnectionUrl, Unavailable) as error:
        console.print(f"make train: {error}", markup=False)
        return 2
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(written(model))
    print(told(model))
    console.print(f"{options.out} written")
    return 0


def told(model: PlacementModel) -> str:
    """Give the main figures as lines of text."""
    metrics = model.metrics
    return "\n".join(
        (
            f"trained on {model.sessions:,} sessions; tested on the last {metrics['tested_sessions']:,}",
            f"failures there: {metrics['failures']}, expected {metrics['expected_failures']}",
            f"Brier score {metrics['brier']:.5f}, one rate for all {metrics['brier_one_rate']:.5f}",
            f"log loss {metrics['log_loss']:.5f}, one rate for all {metrics['log_loss_one_rate']:.5f}",
        )
    )


def _history(options: argparse.Namespace, progress: Progress) -> Sequence[Ended]:
    url = os.environ.get("DATABASE_URL", "").strip()
    if url:
        task = progress.add_task("reading ended sessions", total=None)
        return of_database(url, lambda read: progress.update(task, description=f"{read:,} sessions read"))
    progress.add_task(f"{options.runs} simulated runs", total=None)
    demand = DemandOptions(options.requests, options.days)
    return simulated(demand, WorldOptions(options.devices), options.strategy.split(","), options.runs, options.jobs)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make train",
        description=f"{__doc__} With DATABASE_URL from that database; else from simulated runs, of seeds that no"
        " evaluation uses.",
    )
    parser.add_argument("--name", default=f"learned {datetime.now(UTC):%Y-%m-%d}", help="of the model (%(default)s)")
    parser.add_argument("--runs", type=int, default=8, help="simulated: how many (%(default)s)")
    parser.add_argument("--requests", type=int, default=6000, help="simulated: about so many a run (%(default)s)")
    parser.add_argument("--days", type=float, default=28, help="simulated: in which they come (%(default)s)")
    parser.add_argument("--devices", type=int, default=60, help="simulated: the fleet (%(default)s)")
    parser.add_argument(
        "--strategy",
        default="random,smart",
        metavar="A,B",
        help="simulated: how phones were lent, run by run (%(default)s; smart by the model of tools/train/model.json)",
    )
    parser.add_argument("--jobs", type=int, default=jobs_here(), help="simulated: runs at a time (%(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="the model (.local/train/model.json)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
