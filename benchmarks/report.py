"""Where figures go: a table on the screen, results.json, and docs/performance.md between two markers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.figures import Figure, Pace, median_pace, results

RESULTS = Path(__file__).parent / "results.json"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: begin (written by make bench) -->", "<!-- figures: end -->"
HEADINGS = (
    *("workers", "handlers", "floor", "÷"),
    *("cycle p50", "p95", "p99"),
    *("allocate p50", "p95", "p99"),
    "worker CPU",
)
_UNITS = "allocate + release: cycles/s, times in ms, medians of the rounds"


def table_rows(paces: Mapping[int, Sequence[Pace]]) -> list[tuple[str, ...]]:
    """Give a row of texts for each number of workers, from the medians of its rounds."""
    return [_row(workers, median_pace(rounds)) for workers, rounds in paces.items()]


def _row(workers: int, pace: Pace) -> tuple[str, ...]:
    times = (
        *(pace.cycle_p50, pace.cycle_p95, pace.cycle_p99),
        *(pace.allocate_p50, pace.allocate_p95, pace.allocate_p99),
    )
    return (
        str(workers),
        f"{pace.handlers_per_second:.0f}",
        f"{pace.floor_per_second:.0f}",
        f"{pace.ratio:.2f}",
        *(f"{time:.1f}" for time in times),
        f"{pace.worker_cpu:.2f}",
    )


def verdict(one: Figure) -> str:
    """Say a figure, its goal, and whether it holds or falls short."""
    if one.goal is None:
        return f"{one.name}: {one.value:g}"
    return f"{one.name}: {one.value:g}, goal {one.goal}: {'pass' if one.holds else 'SHORT'}"


def show(console: Console, paces: Mapping[int, Sequence[Pace]], figures: Sequence[Figure]) -> None:
    """Print the table, then what has a goal or is not in the table."""
    table = Table(title=_UNITS, box=SIMPLE_HEAD, padding=0)
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for row in table_rows(paces):
        table.add_row(*row)
    console.print(table)
    for one in _beside_the_table(figures):
        colour = {True: "green", False: "red", None: "default"}[one.holds]
        console.print(f"[{colour}]{escape(verdict(one))}[/]", soft_wrap=True)
        if one.detail:
            console.print(f"  [dim]{escape(one.detail)}[/]", soft_wrap=True)


def write_results(machine: Mapping[str, Any], figures: Sequence[Figure], path: Path = RESULTS) -> None:
    """Write results.json."""
    path.write_text(json.dumps(results(machine, figures), indent=2, ensure_ascii=False) + "\n")


def write_page(
    machine: Mapping[str, Any], paces: Mapping[int, Sequence[Pace]], figures: Sequence[Figure], path: Path = PAGE
) -> None:
    """Put the tables between the page's markers; the rest of the page stays."""
    head, found, rest = path.read_text().partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{path.name} lacks its markers")
    path.write_text(f"{head}{BEGIN}\n{markdown(machine, paces, figures)}\n{END}{tail}")


def markdown(machine: Mapping[str, Any], paces: Mapping[int, Sequence[Pace]], figures: Sequence[Figure]) -> str:
    """Give the machine's line and the two tables as Markdown."""
    settings = machine["settings"]
    where = (
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gb']} GB, Python {machine['python']},"
        f" Postgres {machine['postgres']} with fsync {machine['postgres_settings']['fsync']};"
        f" {settings['rounds']} rounds of {settings['seconds']} s; load before the run {machine['load_before']}."
    )
    lines = [
        where,
        f"{_UNITS.capitalize()}.",
        "",
        *_markdown_table(HEADINGS, table_rows(paces)),
        "",
        *_markdown_table(
            ("figure", "value", "goal", "holds"),
            [(one.name, f"{one.value:g}", one.goal or "", _answer(one.holds)) for one in _beside_the_table(figures)],
        ),
    ]
    return "\n".join(lines)


def _beside_the_table(figures: Sequence[Figure]) -> list[Figure]:
    return [one for one in figures if one.goal is not None or "worker" not in one.name]


def _answer(holds: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[holds]


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows)]
