"""Measure how fast the scheduler is: `make bench`.

It goes on where it was stopped, also after a Ctrl-C; --new begins again.
"""

import argparse
import fcntl
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from benchmarks.kept import ROOT, Kept
from benchmarks.outcome import WrongAnswer
from benchmarks.page import PAGE, RESULTS, write_page, write_results
from benchmarks.parts import PARTS
from benchmarks.screen import progress_bar, show
from benchmarks.session import Session
from benchmarks.stage import stage

HOME = ROOT / ".local" / "bench"
_STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; 1 when some answer was wrong, and then nothing is written."""
    options = read_options(arguments)
    console = Console(highlight=False)
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME.parent / "bench.lock").open("w") as alone:
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("another benchmark runs here; stop it first")
            return 2
        return _run(options, console)


def _run(options: argparse.Namespace, console: Console) -> int:
    kept = Kept(HOME / options.form)
    session = Session(options.form, kept, stage)
    if options.new and not options.only:
        kept.forget()
    named = [part for part in PARTS if part.name in options.only]
    try:
        with progress_bar(console) as bar:
            session.measure(named or session.missing(PARTS), bar)
    except WrongAnswer as problem:
        console.print(f"[red]✗[/] wrong answers, so no figures:\n{escape(str(problem))}")
        return 1
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        return _STOPPED
    _tell(options, kept, console)
    return 0


def _tell(options: argparse.Namespace, kept: Kept, console: Console) -> None:
    measured = [one for part in PARTS if (one := kept.get(part.name))]
    show(console, [one for one in measured if one.part in options.only] or measured)
    if len(measured) < len(PARTS):
        console.print(f"{len(PARTS) - len(measured)} parts are not measured yet, so {PAGE.name} stays as it is")
        return
    write_results(options.form, measured)
    write_page(options.form, {part.name: part.title for part in PARTS}, measured)
    console.print(f"written: {RESULTS.relative_to(ROOT)}, {PAGE.relative_to(ROOT)} and its plots")


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--quick", dest="form", action="store_const", const="quick", help="at most five minutes")
    forms.add_argument("--full", dest="form", action="store_const", const="full", help="at most an hour (default)")
    names = [part.name for part in PARTS]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=[], metavar="NAME", help="measure these again: " + ", ".join(names)
    )
    parser.add_argument("--new", action="store_true", help="forget what was measured before")
    parser.set_defaults(form="full")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
