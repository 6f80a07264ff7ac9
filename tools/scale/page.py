"""Tables between the markers of docs/scale.md, and its pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.outcome import Plot, Series
from benchmarks.plots import draw
from tools.scale import study

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "scale.md"
IMAGES = ROOT / "docs" / "images" / "scale"
BEGIN, END = "<!-- written by make scale ARGS=--write -->", "<!-- end -->"


def tables(found: Mapping[str, Any]) -> str:
    """Give all tables as Markdown."""
    parts = [
        f"A cycle costs (least of the runs, load average {found['costs']['load']}; on the quiet machine Postgres and"
        f" its client together {study.postgres_us(found['costs']):.0f} µs, which is what the model takes):\n\n"
        + _costs(found["costs"]),
        "What saturates first, one deployment with a database of"
        f" {study.CORES} cores:\n\n" + _ceilings(found["ceilings"]),
        f"The model against the benchmark, cycles/s ({found['costs']['quiet']['source']}):\n\n"
        + _agreement(found["agreement"]),
        f"{study.SHARDS * study.CORES} cores, {study.TENANTS} tenants of skew {study.SKEW:g}, p99 in ms"
        " (grants and releases alike) and share of the offered load that is done:\n\n" + _curves(found["curves"]),
        "Part of all shards' capacity that is used when the hottest is full:\n\n" + _hottest(found["hottest"]),
        f"{study.DEVICES:,} devices over {study.SHARDS} shards, held {study.HOLD_SECONDS / 60:g} min: refused / refused"
        " while one was free elsewhere / devices free elsewhere then:\n\n" + _stranding(found["stranding"]),
        "US$ a month (the price model of [cost](cost.md), with its assumptions):\n\n" + _dollars(found["dollars"]),
    ]
    return "\n\n".join(parts)


def page(found: Mapping[str, Any], path: Path = PAGE) -> str:
    """Give the page's text with its tables as they are now.

    Raises:
        ValueError: It lacks its markers.
    """
    before, began, rest = path.read_text().partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not began or not ended:
        raise ValueError(f"{path.name} lacks its markers")
    return f"{before}{BEGIN}\n\n{tables(found)}\n\n{END}{after}"


def write(found: Mapping[str, Any]) -> None:
    """Write the page and its pictures."""
    PAGE.write_text(page(found))
    IMAGES.mkdir(parents=True, exist_ok=True)
    for picture in pictures(found):
        (IMAGES / f"{picture.name}.svg").write_text(draw(picture))


def pictures(found: Mapping[str, Any]) -> list[Plot]:
    """Give the pictures."""
    curves, lent, dollars = found["curves"], found["stranding"], found["dollars"]
    return [
        Plot(
            *("throughput", "Done against offered", "cycles/s offered", "cycles/s done"),
            tuple(_line(way, [(at, one.per_second / 2) for at, one in points]) for way, points in curves.items()),
        ),
        Plot(
            *("latency", "p99 of a statement against offered load", "cycles/s offered", "ms"),
            tuple(_line(way, [(at, 1000 * one.p99) for at, one in points]) for way, points in curves.items()),
            y_scale="log",
        ),
        Plot(
            *("stranded", "Refused while a device is free elsewhere", "demand, % of the fleet", "% of requests"),
            tuple(_line(way, [(100 * at, 100 * one.needlessly) for at, one in points]) for way, points in lent.items()),
        ),
        Plot(
            *("dollars", "Dollars a month", "cycles/s", "US$"),
            tuple(_line(way, points) for way, points in dollars.items()),
            x_scale="log",
            y_scale="log",
        ),
    ]


def _line(name: str, points: Sequence[tuple[float, float]]) -> Series:
    return Series(name, tuple(x for x, _ in points), tuple(y for _, y in points))


def _rows(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows))


def _costs(costs: Mapping[str, Any]) -> str:
    def least(name: str, of: str) -> str:
        return f"{study.cost_of(costs, name, of=of):,.0f}"

    rows = [
        ("processor of Postgres, µs", least("postgres_us", "floor"), least("postgres_us", "handlers")),
        ("processor of Python, µs", "", least("python_us", "handlers")),
        ("processor of Valkey, µs", "", least("valkey_us", "handlers")),
        ("write-ahead log, bytes", least("wal_bytes", "floor"), least("wal_bytes", "handlers")),
        ("kept on disk until cleanup, bytes", least("kept_bytes", "floor"), least("kept_bytes", "handlers")),
        ("rows kept (allocation, two events, usage record)", least("rows", "floor"), least("rows", "handlers")),
    ]
    return _rows(("a cycle of allocate and release", "the SQL alone", "through the handlers"), rows)


def _ceilings(found: Sequence[study.Ceiling]) -> str:
    return _rows(("what", "cycles/s", "from"), [(one.what, f"{one.per_second:,.0f}", one.follows) for one in found])


def _agreement(found: Sequence[tuple[str, int, float, float, float]]) -> str:
    return _rows(
        ("", "workers", "measured", "from one worker's time", "off by", "from the time at so many", "off by"),
        [
            (
                *(who, str(workers), f"{seen:,.0f}"),
                *(cell for told in (alone, own) for cell in (f"{told:,.0f}", f"{told / seen - 1:+.0%}")),
            )
            for who, workers, alone, own, seen in found
        ],
    )


def _curves(found: Mapping[str, Any]) -> str:
    offered = [at for at, _ in next(iter(found.values()))]
    rows = [
        (way, *(f"{1000 * one.p99:,.1f} ({min(one.per_second / 2 / at, 1):.0%})" for at, one in points))
        for way, points in found.items()
    ]
    return _rows(("offered cycles/s", *(f"{at:,.0f}" for at in offered)), rows)


def _hottest(found: Mapping[str, Sequence[float]]) -> str:
    return _rows(
        ("", *(f"{shards} shards" for shards in study.DIVISIONS)),
        [(name, *(f"{part:.0%}" for part in parts)) for name, parts in found.items()],
    )


def _stranding(found: Mapping[str, Any]) -> str:
    return _rows(
        ("demand, of the fleet", *(f"{busy:.0%}" for busy in study.BUSY)),
        [
            (way, *(f"{one.refused:.1%} / {one.needlessly:.1%} / {one.stranded:,.0f}" for _, one in points))
            for way, points in found.items()
        ],
    )


def _dollars(found: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    rows = [
        (way, *(f"{dict(points)[rate]:,.0f}" if rate in dict(points) else "no" for rate in study.RATES))
        for way, points in found.items()
    ]
    return _rows(("cycles/s", *(f"{rate:,}" for rate in study.RATES)), rows)
