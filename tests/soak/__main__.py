"""Run a million operations over a hundred days, and watch memory, tables and indexes: `make soak`.

It goes on where it was stopped, also after a Ctrl-C; `--new` begins again.
"""

import argparse
import fcntl
import shutil
import sys
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.fault import report
from tests.soak.diary import Diary
from tests.soak.findings import findings, summary
from tests.soak.place import place

HOME = Path(__file__).parents[2] / ".local" / "soak"
MILLION = 1_000_000


def main() -> int:
    """Run to the wanted number of operations, or until stopped; 1 when something grew or went wrong."""
    options = _options()
    HOME.mkdir(parents=True, exist_ok=True)
    alone = (HOME.parent / "soak.lock").open("w")
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another soak runs here; stop it first")
        return 2
    if options.new:
        shutil.rmtree(HOME, ignore_errors=True)
    diary = Diary(HOME / "diary.json")
    columns = (TextColumn("operations"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    try:
        with place(HOME, diary.begin_session()) as soak, Progress(*columns) as progress:
            task = progress.add_task("soak", total=options.operations, completed=diary.operations)
            while diary.operations < options.operations:
                diary.note(soak.lap())
                progress.update(task, completed=diary.operations)
            audited = soak.audited()
    except KeyboardInterrupt:
        print(f"stopped after {diary.operations:,} operations; `make soak` goes on from there")
        return 130
    found = findings(diary) + [f"the audit found: {what}" for what in audited]
    figures = summary(diary)
    print(*(f"{name}: {figure}" for name, figure in figures.items()), *found, sep="\n")
    if options.write:
        report.keep_soak(figures)
    return 1 if found else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--operations", type=int, default=MILLION, help="how many in all (default: a million)")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/reliability.md")
    parser.add_argument("--new", action="store_true", help="forget what was done before")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
