"""What a study found, as JSON and as a page of HTML with its plots in it."""

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.outcome import Plot, Series
from benchmarks.plots import draw
from scheduler.domain.queue import Tier
from tools.simulate.demand import MINUTE
from tools.simulate.measures import ALL, SHARES
from tools.simulate.study import Estimate, Result, Study, differences, summary

type Summaries = Mapping[str, Mapping[str, Estimate]]
type Found = Mapping[str, Sequence[Result]]
"""Results by scenario, in the order of the seeds."""
type Row = tuple[str, str, str]
"""Title, measure and unit."""

SHOWN = {
    "success rate": ("Requests that got a phone, at once or after a wait", "%"),
    "failures per 1000 sessions": ("Sessions in which the phone failed, of 1,000", ""),
    "utilisation": ("Time of all phones that was lent", "%"),
    "wear (Gini)": ("How unequal the hours of use are among phones: 0 equal, 1 one has all", ""),
    "fragmentation": ("Requests that found nothing that fits although some phone was free", "%"),
    "cost per used hour": ("Cost of the fleet and of failures for each hour of use", ""),
    "lent at once": ("Requests that got a phone without waiting", "%"),
    "refused by quota": ("Requests that the user's quota refused", "%"),
    "start p90": ("Time until a lent phone can be used, p90", "s"),
}
PICTURED = tuple(SHOWN)[:6]
PROMISED = {
    "reservations asked": ("Bookings asked for", ""),
    "reservations without a phone": ("Refused at booking: no phone that fits was free for the window", "%"),
    "reservations refused": ("Refused at booking: by the user's quota", "%"),
    "reservations cancelled": ("Cancelled before the start, of those booked", "%"),
    "reservations kept": ("Begun in their window, of those booked and not cancelled", "%"),
    **{f"reservations kept {tier}": (f"Begun in their window, {tier}", "%") for tier in Tier},
    "reservations failed": ("Failed, of those booked: no phone was left, or the quota refused at the start", "%"),
    "reservations expired": ("Not begun until their window was over, of those booked", "%"),
    "reservations moved": ("Begun on another phone than was booked, of those begun", "%"),
    "reservations unclaimed": ("Ended because nobody came, of those begun", "%"),
}
"""Shown where anybody books."""
_SCALE = {"%": 100.0, "min": 1 / MINUTE}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Simulation</title>
<style>body{{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}}
table{{border-collapse:collapse;width:100%;margin:1rem 0}}
td,th{{padding:.3rem .6rem;border-bottom:1px solid #ddd;text-align:right}}
td:first-child,th:first-child{{text-align:left}}svg{{max-width:100%;height:auto}}small{{color:#666}}</style>
<h1>Simulation</h1><p>{about}</p>{tables}{plots}</html>
"""


def write(study: Study, found: Found, folder: Path) -> Path:
    """Write report.html, report.json and the plots; give the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    summaries = {name: summary(runs) for name, runs in found.items()}
    (folder / "report.json").write_text(json.dumps(_plain(study, summaries, found), indent=1) + "\n")
    drawn = {plot.name: draw(plot) for plot in plots(summaries)}
    for name, picture in drawn.items():
        (folder / f"{name}.svg").write_text(picture)
    page = folder / "report.html"
    tables = _tables(summaries) + _against_the_first(found)
    page.write_text(_PAGE.format(about=_about(study), tables=tables, plots=_inline(drawn.values())))
    return page


def text(found: Found) -> str:
    """Give the main figures as lines of text."""
    summaries = {name: summary(runs) for name, runs in found.items()}
    rows = [["", *summaries]]
    shown = _shown(summaries).items()
    rows += [[name, *(_written(one[name], unit) for one in summaries.values())] for name, (_, unit) in shown]
    rows += [
        [f"{name}, min", *(_written(one[name], "min") for one in summaries.values())]
        for name in (f"wait p{share} {ALL}" for share in SHARES)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def plots(summaries: Summaries) -> list[Plot]:
    """Give the pictures: one of each measure, the waits of each tier, and reservations where there are any."""
    pictures = [_bars(name.replace(" ", "-"), *SHOWN[name], [name], [""], summaries) for name in PICTURED]
    if _books(summaries):
        kept = ["reservations kept", *(f"reservations kept {tier}" for tier in Tier)]
        title = "Reservations that began in their window"
        pictures.append(_bars("reservations-kept", title, "%", kept, [ALL, *map(str, Tier)], summaries))
        fates = [name for name, (_, unit) in PROMISED.items() if unit and name not in kept]
        groups = [name.removeprefix("reservations ") for name in fates]
        pictures.append(_bars("reservations-else", "What else became of bookings", "%", fates, groups, summaries))
    for share in SHARES:
        names = [f"wait p{share} {tier}" for tier in (*map(str, Tier), ALL)]
        groups = [name.rpartition(" ")[2] for name in names]
        pictures.append(_bars(f"wait-p{share}", f"Wait of those served, p{share}", "min", names, groups, summaries))
    return pictures


def _bars(file: str, title: str, unit: str, names: Sequence[str], groups: Sequence[str], summaries: Summaries) -> Plot:
    scale = _SCALE.get(unit, 1.0)
    series = tuple(
        Series(
            scenario,
            tuple(groups),
            tuple(found[name].mean * scale for name in names),
            tuple(_off(found[name], scale) for name in names),
        )
        for scenario, found in summaries.items()
    )
    return Plot(file.replace("(", "").replace(")", ""), title, "", unit, series, kind="bars")


def _off(one: Estimate, scale: float) -> tuple[float, float]:
    return (one.mean - one.low) * scale, (one.high - one.mean) * scale


def _written(one: Estimate, unit: str) -> str:
    scale = _SCALE.get(unit, 1.0)
    return f"{one.mean * scale:.4g} ± {(one.high - one.low) / 2 * scale:.2g} {unit if unit != 'min' else ''}".strip()


def _books(summaries: Summaries) -> bool:
    return any(found["reservations asked"].mean > 0 for found in summaries.values())


def _shown(summaries: Summaries) -> Mapping[str, tuple[str, str]]:
    return {**SHOWN, **PROMISED} if _books(summaries) else SHOWN


def _about(study: Study) -> str:
    asked = (
        f"the trace {study.demand.name}"
        if isinstance(study.demand, Path)
        else f"{study.demand.requests:,} requests in {study.demand.days:g} days, {study.demand.pattern}"
        + (f", {study.demand.reservations:.0%} booked ahead" if study.demand.reservations else "")
    )
    where = "Postgres" if study.on_postgres else "memory"
    return html.escape(
        f"{asked}; {len(study.seeds)} seeds; means with 95 % intervals (Student's t); stores in {where}."
        " Phones, their failures and hosts are made up, and so is what the trace does not tell."
    )


def _tables(summaries: Summaries) -> str:
    tiers = (*map(str, Tier), ALL)
    waits = [(f"Wait p{share}, {tier}, min", f"wait p{share} {tier}", "min") for tier in tiers for share in SHARES]
    tables = _table(_named(SHOWN), summaries) + "<h2>Waits by tier</h2>" + _table(waits, summaries)
    if not _books(summaries):
        return tables
    return f"{tables}<h2>Reservations</h2>{_table(_named(PROMISED), summaries)}"


def _named(shown: Mapping[str, tuple[str, str]]) -> Sequence[Row]:
    return [(f"{title} <small>{name}</small>", name, unit) for name, (title, unit) in shown.items()]


def _against(found: Found) -> tuple[str, Summaries]:
    """Give the name of the first scenario, and what the others are against it."""
    first, *others = found
    return first, {name: differences(found[name], found[first]) for name in others}


def _against_the_first(found: Found) -> str:
    first, others = _against(found)
    if not others:
        return ""
    shown = _shown({first: summary(found[first])}).items()
    rows = [(name, name, unit) for name, (_, unit) in shown]
    rows += [(f"wait p{share} {ALL}, min", f"wait p{share} {ALL}", "min") for share in SHARES]
    return f"<h2>Difference from {html.escape(first)}, seed by seed</h2>" + _table(rows, others)


def _table(rows: Sequence[Row], summaries: Summaries) -> str:
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in summaries)
    body = "".join(
        f"<tr><td>{title}</td>"
        + "".join(f"<td>{_written(one[name], unit)}</td>" for one in summaries.values())
        + "</tr>"
        for title, name, unit in rows
    )
    return f"<table><tr><th></th>{heads}</tr>{body}</table>"


def _inline(pictures: Any) -> str:
    return "".join(picture[picture.index("<svg") :] for picture in pictures)


def _plain(study: Study, summaries: Summaries, found: Found) -> dict[str, Any]:
    first, others = _against(found)
    demand = {"trace": study.demand.name} if isinstance(study.demand, Path) else asdict(study.demand)
    return {
        "demand": demand,
        "seeds": list(study.seeds),
        "on": "postgres" if study.on_postgres else "memory",
        "against": {"base": first, "differences": {name: _estimates(one) for name, one in others.items()}},
        "scenarios": {
            one.name: {
                "strategy": one.strategy,
                "world": asdict(one.world) | {"sizes": len(one.world.sizes)},
                "summary": _estimates(summaries[one.name]),
                "runs": [dict(result) for result in found[one.name]],
            }
            for one in study.scenarios
        },
    }


def _estimates(of: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: asdict(estimate) for name, estimate in of.items()}
