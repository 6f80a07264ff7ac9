"""Take a fleet and its lending over from another system's Postgres: `make adopt`; docs/adopting.md.

Nothing is written to the source, and what is here already stays as it is: one that broke off is run again. Look first
with --dry-run. The exit code is 1 when some rows stay out, 2 when it cannot begin or go on.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scheduler.adapters.postgres.connection import Database, NotAConnectionUrl, StatementFailed
from scheduler.domain.errors import Unavailable
from tools.adopt import devices, rows
from tools.adopt.source import Source, SourceError
from tools.adopt.taking import Taking, Tell
from tools.adopt.tally import KINDS, OUTCOMES, Tally
from tools.adopt.target import Fleet, Known, Rehearsal

REPORT = Path(".local/adopt/report.json")
SOME_STAY_OUT, CANNOT, INTERRUPTED = 1, 2, 130
CANNOT_GO_ON = (SourceError, NotAConnectionUrl, Unavailable, StatementFailed, UnicodeDecodeError, OSError)
NAMED = {*devices.FIELDS, *rows.REQUIRED, *rows.OPTIONAL}


def main(arguments: list[str] | None = None) -> int:
    """Take over, print a summary, write the report, and return the exit code."""
    asked = _parser().parse_args(arguments)
    tally = Tally()
    try:
        _take_all(asked, tally)
    except KeyboardInterrupt:
        return _fail("stopped; run it again to go on", INTERRUPTED)
    except CANNOT_GO_ON as error:
        return _fail(_why(error), CANNOT)
    finally:
        if tally.counts:
            _tell(tally, asked)
    return SOME_STAY_OUT if tally.refused else 0


def _why(error: Exception) -> str:
    match error:
        case NotAConnectionUrl():
            return "DATABASE_URL cannot be used"
        case Unavailable():
            return "this scheduler's database does not answer; run it again to go on"
        case StatementFailed():
            return f"this scheduler's database refused ({error}): is it migrated, and is this the role that migrates?"
        case OSError():
            return f"{error.filename} cannot be read or written: {error.strerror}"
    return str(error)


def _take_all(asked: argparse.Namespace, tally: Tally) -> None:
    if not asked.source or not asked.database:
        raise SourceError("say which databases: make adopt FROM=postgresql://… DATABASE_URL=postgresql://…")
    database = Database(lambda: asked.database)
    try:
        with Source(asked.source, _renamed(asked.column)) as source:
            _take(source, database, tally, asked)
    finally:
        database.close()


def _take(source: Source, database: Database, tally: Tally, asked: argparse.Namespace) -> None:
    known = Known(database)
    pages = source.allocations(asked.table)  # says what is missing before anything comes
    taking = Taking(Rehearsal(known) if asked.dry_run else Fleet(database, known), known, tally)
    if asked.devices_csv:
        with _bar("devices", None) as tell:
            taking.devices(devices.from_csv(asked.devices_csv), tell)
    elif asked.devices_table:
        found = chain.from_iterable(source.devices(asked.devices_table))
        with _bar("devices", source.count(asked.devices_table)) as tell:
            taking.devices(devices.from_rows(found), tell)
    with _bar("allocations", source.count(asked.table, ended_only=asked.ended_only)) as tell:
        taking.allocations(pages, tell, ended_only=asked.ended_only)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make adopt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    environment = os.environ.get
    parser.add_argument("--source", default=environment("FROM", ""), metavar="URL", help="the other database (FROM)")
    parser.add_argument(
        "--database", default=environment("DATABASE_URL", ""), metavar="URL", help="this scheduler's (DATABASE_URL)"
    )
    parser.add_argument("--table", default="device_allocations", help="the other system's allocations (%(default)s)")
    fleet = parser.add_mutually_exclusive_group()
    fleet.add_argument("--devices-csv", type=Path, metavar="FILE", help="its devices; the head names the API's fields")
    fleet.add_argument("--devices-table", metavar="TABLE", help="its devices, in a table of the source")
    parser.add_argument(
        "--column", action="append", default=[], metavar="OURS=THEIRS", help="what it calls a column; may be repeated"
    )
    parser.add_argument("--ended-only", action="store_true", help="only the past, while the other system still lends")
    parser.add_argument("--dry-run", "-n", action="store_true", help="say what would come, and write nothing")
    parser.add_argument("--report", type=Path, default=REPORT, help="where the report goes (%(default)s)")
    return parser


def _renamed(given: list[str]) -> dict[str, str]:
    pairs = dict(pair.partition("=")[::2] for pair in given)
    for ours, theirs in pairs.items():
        if ours not in NAMED or not theirs:
            raise SourceError(
                f"--column {ours}={theirs}: say OURS=THEIRS, where OURS is one of {', '.join(sorted(NAMED))}"
            )
    return pairs


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Tell]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=total)
        yield lambda number: progress.advance(bar, number)


def _tell(tally: Tally, asked: argparse.Namespace) -> None:
    table = Table("", *("would be added" if asked.dry_run and each == "added" else each for each in OUTCOMES))
    for kind in KINDS:
        table.add_row(kind, *(f"{tally.counts[kind, outcome]:,}" for outcome in OUTCOMES))
    console = Console()
    console.print(table)
    for reason, number in tally.reasons():
        console.print(f"{number:,} x {reason}", markup=False)
    tally.write(asked.report, dry_run=asked.dry_run)
    console.print(f"Each of them: {asked.report}" if tally.refused else f"Report: {asked.report}", markup=False)


def _fail(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
