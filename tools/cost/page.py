"""The tables, for the screen and for docs/cost.md."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tools.cost.model import HERE, MILLION, Lines, Load, fixed, per_million, read

PAGE = HERE.parents[1] / "docs" / "cost.md"
BEGIN, END = "<!-- written by make cost ARGS=--write -->", "<!-- end -->"
VOLUMES = (0, 10_000, 100_000, 1_000_000, 10_000_000)
WAYS: Mapping[str, Load] = {
    "database with a standby, cache": Load(),
    "one small database, no cache": Load(acu=0.5, standby=False, cache=False),
    "8 ACU, standby, proxy, two NAT gateways": Load(acu=8, proxy=True, nat=2),
    "database and cache are others'": Load(database=False, cache=False),
}


def table(heading: str, lines: Lines) -> str:
    """Give a Markdown table of what is paid, dearest first, with its sum."""
    rows = [f"| {heading} | US$ |", "| --- | ---: |"]
    rows += [f"| {name} | {dollars:,.2f} |" for name, dollars in sorted(lines.items(), key=lambda line: -line[1])]
    return "\n".join([*rows, f"| **together** | **{sum(lines.values()):,.2f}** |"])


def volumes(ways: Mapping[str, Load], prices: Mapping[str, Any], counts: Mapping[str, Any]) -> str:
    """Give a Markdown table of dollars a month by allocations a month."""
    rows = [
        f"| allocations a month | {' | '.join(ways)} |",
        f"| ---: |{' ---: |' * len(ways)}",
    ]
    for volume in VOLUMES:
        sums = [month(replace(load, allocations=volume), prices, counts) for load in ways.values()]
        rows.append(f"| {volume:,} | {' | '.join(f'{dollars:,.0f}' for dollars in sums)} |")
    return "\n".join(rows)


def month(load: Load, prices: Mapping[str, Any], counts: Mapping[str, Any]) -> float:
    """Give the dollars of a month."""
    moving = sum(per_million(load, prices, counts).values()) * load.allocations / MILLION
    return moving + sum(fixed(load, prices, counts).values())


def tables(load: Load, prices: Mapping[str, Any], ways: Mapping[str, Load]) -> str:
    """Give all tables for one load."""
    counts = read(HERE / "counts.toml")
    parts = [
        table(f"a million allocations, {load.queries:g} queries each", per_million(load, prices, counts)),
        table(f"a month without any, {load.devices:,} devices", fixed(load, prices, counts)),
        volumes(ways, prices, counts),
    ]
    return "\n\n".join(parts)


def page(path: Path = PAGE) -> str:
    """Give the text of the page with its tables as they are now."""
    text = path.read_text()
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    prices = read(HERE / "prices.toml")
    return f"{before}{BEGIN}\n\n{tables(Load(), prices, WAYS)}\n\n{END}{after}"
