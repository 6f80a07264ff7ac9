"""Where outcomes go: results.json, and docs/performance.md between two markers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure
from benchmarks.kept import ROOT, Measured
from benchmarks.outcome import Table
from benchmarks.plots import draw

RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images" / "performance"
BEGIN, END = "<!-- figures: begin (written by make bench) -->", "<!-- figures: end -->"
_OF_ONE_PART = {"load_before", "busy_before_percent"}


def results(form: str, measured: Sequence[Measured]) -> dict[str, Any]:
    """Give the document of results.json."""
    machine = {name: fact for name, fact in measured[-1].machine.items() if name not in _OF_ONE_PART}
    parts = {
        one.part: {
            "commit": one.commit,
            **{name: one.machine[name] for name in sorted(_OF_ONE_PART & one.machine.keys())},
            "seconds": round(one.seconds),
            "settings": one.settings,
        }
        for one in measured
    }
    return {
        "machine": {**machine, "form": form, "parts": parts},
        "figures": [asdict(one) for one in all_figures(measured)],
    }


def all_figures(measured: Iterable[Measured]) -> list[Figure]:
    """Give the figures of all parts."""
    return list(chain.from_iterable(one.outcome.figures for one in measured))


def write_results(form: str, measured: Sequence[Measured], path: Path = RESULTS) -> None:
    """Write results.json."""
    path.write_text(json.dumps(results(form, measured), indent=2, ensure_ascii=False) + "\n")


def write_page(
    form: str, titles: Mapping[str, str], measured: Sequence[Measured], page: Path = PAGE, images: Path = IMAGES
) -> None:
    """Put goals, tables and plots between the page's markers, and draw the plots; the rest of the page stays.

    Raises:
        ValueError: The page lacks its markers; then nothing is written.
    """
    head, found, rest = page.read_text().partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{page.name} lacks its markers")
    images.mkdir(parents=True, exist_ok=True)
    drawn = {f"{plot.name}.svg": plot for one in measured for plot in one.outcome.plots}
    for stale in set(images.glob("*.svg")) - {images / name for name in drawn}:
        stale.unlink()
    for name, plot in drawn.items():
        (images / name).write_text(draw(plot))
    page.write_text(f"{head}{BEGIN}\n{markdown(form, titles, measured)}\n{END}{tail}")


def markdown(form: str, titles: Mapping[str, str], measured: Sequence[Measured]) -> str:
    """Give the machine's line, the goals, and a section for each part."""
    lines = [_where(form, measured[-1].machine) + _disturbed(measured[0].machine), "", *_goals(all_figures(measured))]
    for one in measured:
        lines += ["", f"### {titles[one.part]}", _circumstances(one)]
        for table in one.outcome.tables:
            lines += ["", f"{table.title}:", "", *_markdown_table(table)]
        for plot in one.outcome.plots:
            lines += ["", f"![{plot.title}](images/performance/{plot.name}.svg)"]
    return "\n".join(lines)


def _where(form: str, machine: Mapping[str, Any]) -> str:
    return (
        f"The {form} form on {machine['cores']} cores ({machine['cpu']}), {machine['memory_gb']} GB,"
        f" Python {machine['python']},"
        f" Postgres {machine['postgres']} with fsync {machine['postgres_settings']['fsync']}."
    )


def _disturbed(machine: Mapping[str, Any]) -> str:
    """Warn of a machine that was not ours alone: before the first part, its load is that of others."""
    if machine["load_before"] <= machine["cores"]:
        return ""
    return (
        f" **Others kept it busy** (load {machine['load_before']} before the first part): rates and latencies are those"
        " of a starved machine, and shortfalls may be theirs; ratios of halves that took turns say more."
    )


def _circumstances(one: Measured) -> str:
    settings = ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in one.settings.items())
    busy = one.machine.get("busy_before_percent")
    others = f"load before it {one.machine['load_before']}"
    others += "" if busy is None else f", others using {busy} % of the cores"
    return f"At {one.commit}, in {one.seconds:.0f} s; {others}: {settings}."


def _text(value: Any) -> str:
    return " / ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _goals(figures: Iterable[Figure]) -> list[str]:
    rows = tuple(
        (one.name, f"{one.value:g}", one.goal, "yes" if one.holds else "**no**", one.detail)
        for one in figures
        if one.goal is not None
    )
    return _markdown_table(Table("", ("figure", "value", "goal", "holds", "how"), rows))


def _markdown_table(table: Table) -> list[str]:
    every = (table.headings, ("---",) * len(table.headings), *table.rows)
    return [f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |" for cells in every]
