"""Break everything that can break, while 64 clients go on, and prove what came of it: `make fault`."""

import argparse
import os
import platform
import secrets
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.fault import report
from tests.fault.checker import check
from tests.fault.faults import FAULTS
from tests.fault.run import Fault, Outcome, play
from tests.fault.shrink import shrink
from tests.fault.stage import Stage, scratch_folder, stage
from tests.fault.timeline import timeline

LONG_OPERATIONS = 7000
SHORT_OPERATIONS = 1000
_console = Console(width=None if sys.stdout.isatty() else 150)


def main() -> int:
    """Run the faults that were asked for; 1 when a promise was broken."""
    options = _options()
    chosen = [fault for fault in FAULTS if not options.only or any(word in fault.name for word in options.only)]
    if not chosen:
        _console.print(f"no fault is called {' or '.join(options.only)}; there are:", *_names(), sep="\n  ")
        return 2
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    _console.print(f"seed {seed}; repeat with [bold]make fault ARGS='--seed {seed}'[/bold]")
    outcomes = []
    with stage() as place, _progress() as progress:
        for fault in chosen:
            outcomes.append(_run(place, fault, seed, options, progress))
            if options.write:
                report.keep([report.line_of(outcomes[-1], short=options.short)], _machine())
            if not outcomes[-1].kept:
                _explain(outcomes[-1])
    _show(outcomes)
    return 0 if all(outcome.kept for outcome in outcomes) else 1


def _run(place: Stage, fault: Fault, seed: int, options: argparse.Namespace, progress: Progress) -> Outcome:
    times = fault.short if options.short else fault.long
    task = progress.add_task(fault.name, total=times)
    outcome = play(
        place,
        fault,
        seed=seed,
        times=times,
        operations=options.operations or (SHORT_OPERATIONS if options.short else LONG_OPERATIONS),
        progress=lambda done: progress.update(task, completed=done),
    )
    told = f"{'✓' if outcome.kept else '✗'} {fault.name}"
    progress.update(task, completed=outcome.faults, description=told)
    if not _console.is_terminal:  # nobody sees the bar
        _console.print(told, highlight=False)
    return outcome


def _explain(outcome: Outcome) -> None:
    path = scratch_folder() / f"{outcome.name.replace(' ', '-')}-{outcome.seed}.json"
    outcome.evidence.save(path)
    _console.print(
        f"[red]{outcome.name}[/red]: {len(outcome.violations)} found, seed {outcome.seed}; all evidence: {path}"
    )
    if outcome.faults < outcome.wanted:
        _console.print(f"  only {outcome.faults} of {outcome.wanted} faults struck")
    for violation in outcome.violations[:10]:
        _console.print(f"  {violation.promise}: {violation.what}", highlight=False, markup=False)
    in_history = set(map(str, check(outcome.evidence)))
    first = next((violation for violation in outcome.violations if str(violation) in in_history), None)
    if first is not None:
        _console.print("  the smallest history that shows the first:")
        _console.print(timeline(shrink(outcome.evidence, first), first), highlight=False, markup=False)


def _show(outcomes: Sequence[Outcome]) -> None:
    _, *rows = report.table([report.line_of(outcome) for outcome in outcomes])
    drawn = Table(
        title="Promises under fire", caption="wait: added while a part is away; gap: without service; tx: longest"
    )
    for number, head in enumerate(report.SCREEN_HEADS):
        drawn.add_column(head, no_wrap=True, justify="right" if number else "left")
    for row in rows:
        drawn.add_row(*row)
    _console.print(drawn)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_console)


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _names() -> list[str]:
    return [fault.name for fault in FAULTS]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fault", description=__doc__)
    parser.add_argument("--short", action="store_true", help="as in `make test`: fewer faults and operations")
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", default=[], help="faults whose name holds one of these words"
    )
    parser.add_argument("--seed", type=int, help="repeat a run")
    parser.add_argument("--operations", type=int, help="at least so many requests a fault")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
