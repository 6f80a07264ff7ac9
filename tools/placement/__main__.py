"""Evaluate the learned placement in simulated days and write docs/placement.md with its pictures."""

import argparse
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from benchmarks.plots import draw
from scheduler.domain.placement_document import read_model
from tools.placement.page import page, plots
from tools.placement.runs import results
from tools.placement.worlds import TRIALS
from tools.simulate.smart import MODEL
from tools.simulate.study import jobs_here

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".local" / "placement"
PAGE = ROOT / "docs" / "placement.md"
TEXT = Path(__file__).with_name("page.txt")
QUICK = 3


def main(arguments: list[str] | None = None) -> int:
    """Play, write, and say where; return the exit code."""
    options = _options(arguments)
    console = Console(stderr=True, highlight=False)
    count = options.seeds or (QUICK if options.quick else None)
    seeds = {one.name: min(count or one.seeds, one.seeds) for one in TRIALS}
    if options.again:
        shutil.rmtree(KEPT, ignore_errors=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{sum(seeds[one.name] * len(one.strategies) for one in TRIALS)} runs", total=1.0)
        found = results(seeds, options.jobs, KEPT, lambda share: progress.update(task, completed=share))
    model = read_model(MODEL.read_bytes(), datetime.max.replace(tzinfo=UTC))
    pictures = options.out.parent / "images" / "placement"
    pictures.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page(found, model, TEXT.read_text()))
    for plot in plots(found, model):
        (pictures / f"{plot.name}.svg").write_text(draw(plot))
    console.print(f"{options.out} written")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make placement",
        description=f"{__doc__} Runs that were played are kept in .local/placement until the model changes.",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help=f"{QUICK} seeds; else 20 or 10, which takes a quarter hour")
    form.add_argument("--seeds", type=int, help="at most so many seeds, from 2 on")
    parser.add_argument("--again", action="store_true", help="play everything anew; needed after a change of code")
    parser.add_argument("--jobs", type=int, default=jobs_here(), help="runs at a time (%(default)s)")
    parser.add_argument("--out", type=Path, default=PAGE, help="the page (docs/placement.md)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
