"""What is printed: tables and lines for people, JSON with the wire's names for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cloudphone.errors import CloudPhoneError, Refusal
from cloudphone.models import Waiter

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with the names of the API.")]
Columns = Sequence[tuple[str, Callable[[T], object]]]
_PIPED_WIDTH = 200


def out() -> Console:
    """Give the console of results; wide where nobody looks, so that nothing is cut off in a pipe."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=_PIPED_WIDTH if piped else None)


def aside() -> Console:
    """Give the console of everything else: progress and news, on standard error."""
    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Tell something by the way."""
    aside().print(harmless(text), soft_wrap=True)


def as_json(value: Any) -> None:
    """Print JSON."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())  # noqa: T201


def as_line(value: Any) -> None:
    """Print JSON on one line."""
    print(msgspec.json.encode(value).decode(), flush=True)  # noqa: T201


def show(items: Iterable[T], columns: Columns[T], *, json: bool, nothing: str = "Nothing.") -> None:
    """Print a list as a table, or as JSON."""
    listed = list(items)
    if json:
        as_json(listed)
    elif listed:
        out().print(table(listed, columns))
    else:
        out().print(nothing)


def table(items: Iterable[T], columns: Columns[T], title: str | None = None) -> Table:
    """Make a table. What came from elsewhere is text, and no markup or control code of the terminal."""
    made = Table(box=None, title=title, title_justify="left", header_style="bold", pad_edge=False)
    for name, _ in columns:
        made.add_column(name, overflow="fold")
    for item in items:
        made.add_row(*(harmless("-" if cell is None else str(cell)) for cell in (get(item) for _, get in columns)))
    return made


def show_facts(value: Any, text: str, *, json: bool) -> None:
    """Print one result: a sentence, or all of it as JSON."""
    if json:
        as_json(value)
    else:
        out().print(harmless(text), soft_wrap=True)


def harmless(text: str) -> Text:
    """Take a text as it is: no markup, and nothing that a terminal would obey."""
    return Text("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def until(moment: datetime | None) -> str:
    """Give a time of day and how far away it is."""
    if moment is None:
        return "-"
    local, left = moment.astimezone(), moment - datetime.now(timezone.utc)
    day = "" if local.date() == datetime.now().astimezone().date() else f"{local:%d.%m.} "
    return f"{day}{local:%H:%M:%S} ({span(int(left.total_seconds()))})"


def span(seconds: int) -> str:
    """Give seconds as one says them."""
    if abs(seconds) < 90:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if abs(seconds) < 5400 else f"{seconds / 3600:.1f} h"


def place(waiter: Waiter) -> str:
    """Say where somebody stands in the line, and how long it will take."""
    estimate = waiter.estimated_wait_seconds
    eta = f", probably {span(estimate.p50)}, nine times of ten within {span(estimate.p90)}" if estimate else ""
    return f"Place {waiter.position or '?'}{eta}"


def tell(problem: CloudPhoneError, *, json: bool) -> None:
    """Say what went wrong, on standard error."""
    if json:
        known = problem.problem if isinstance(problem, Refusal) else {"code": "", "detail": str(problem)}
        sys.stderr.write(msgspec.json.encode(known).decode() + "\n")
        return
    say(f"cloudphone: {problem}")
    if isinstance(problem, Refusal) and problem.problem.alternatives:
        say(f"Possible: {', '.join(one.kind for one in problem.problem.alternatives)}")
