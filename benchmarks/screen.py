"""What is told while it is measured, and afterwards."""

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from benchmarks.figures import Figure
from benchmarks.kept import Measured
from benchmarks.outcome import Table

_COLOURS = {True: "green", False: "red", None: "default"}


def progress_bar(console: Console) -> Progress:
    """Give the bar: what is done now, steps of all, time gone by."""
    columns = (TextColumn("{task.description:<48}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


def verdict(one: Figure) -> str:
    """Say a figure, its goal, and whether it holds or falls short."""
    if one.goal is None:
        return f"{one.name}: {one.value:g}"
    return f"{one.name}: {one.value:g}, goal {one.goal}: {'pass' if one.holds else 'SHORT'}"


def show(console: Console, measured: Iterable[Measured]) -> None:
    """Print tables, and figures with goals; without a table all figures."""
    for one in measured:
        console.rule(f"{one.part} (at {one.commit})", style="dim")
        for table in one.outcome.tables:
            console.print(rich_table(table))
        _show_figures(console, one.outcome.figures, all_of_them=not one.outcome.tables)


def rich_table(table: Table) -> RichTable:
    """Give the table as it is shown."""
    shown = RichTable(title=escape(table.title), box=SIMPLE_HEAD, padding=0, title_justify="left")
    for number, heading in enumerate(table.headings):
        shown.add_column(escape(heading), justify="right" if number else "left")
    for row in table.rows:
        shown.add_row(*map(escape, row))
    return shown


def _show_figures(console: Console, figures: Sequence[Figure], *, all_of_them: bool) -> None:
    for one in figures:
        if one.goal is not None or all_of_them:
            console.print(f"[{_COLOURS[one.holds]}]{escape(verdict(one))}[/]", soft_wrap=True)
            if one.detail:
                console.print(f"  [dim]{escape(one.detail)}[/]", soft_wrap=True)
