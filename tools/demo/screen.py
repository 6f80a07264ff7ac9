"""What one sees of the day: its clock, its chapters, a line for each thing that happened, tables."""

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

FIRST_HOUR, LAST_HOUR = 8.0, 18.0


class Screen:
    """Prints the story above a bar that shows the hour; without a terminal, the story alone."""

    def __init__(self, console: Console) -> None:
        """Show nothing yet."""
        self.console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[cyan]{task.fields[clock]}[/]"),
            BarColumn(40),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._progress.add_task("", total=LAST_HOUR - FIRST_HOUR, clock=clock(FIRST_HOUR))

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        self._progress.stop()

    def hour(self, hour: float) -> None:
        """Move the clock."""
        self._progress.update(self._task, completed=hour - FIRST_HOUR, clock=clock(hour))

    def begin(self, hour: float, title: str) -> None:
        """Head a chapter."""
        self.hour(hour)
        self._progress.update(self._task, description=escape(title))
        self.console.print(f"\n[cyan]{clock(hour)}[/]  [bold]{escape(title)}[/]")

    def say(self, text: str) -> None:
        """Tell what happened."""
        self._line("[green]✓[/]", text)

    def complain(self, text: str) -> None:
        """Tell what is not as it should be."""
        self._line("[red]✗[/]", text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show a table; columns whose name begins with > are numbers."""
        table = Table(padding=(0, 1), header_style="dim")
        for column in columns:
            table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        self.console.print(table)

    def _line(self, mark: str, text: str) -> None:
        line = Table.grid(padding=(0, 1))  # so that a long line goes on below its own beginning
        line.add_column(width=5, justify="right")
        line.add_column()
        line.add_row(mark, escape(text))
        self.console.print(line)


def clock(hour: float) -> str:
    """Return an hour of the day as clocks show it."""
    return f"{int(hour):02}:{round(hour % 1 * 60):02}"
