"""The final table of a run, and docs/reliability.md, which is made from the table kept beside it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fault.checker import effects, events, holds, locks, quota
from tests.fault.run import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
KEPT = PAGE.with_suffix(".json")
MARK = "<!-- figures: written by `make fault`; everything below is generated -->"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table: what was done to the scheduler, and what came of it."""

    fault: str
    promise: str
    seed: int
    operations: int
    faults: int
    deaths: int
    unanswered: int
    double_holds: int
    quota_drift: int
    events_lost: int
    applied_twice: int
    other: int
    added_seconds: float
    unavailable_seconds: float
    longest_transaction_seconds: float
    short: bool = False
    """Whether it is of the short form, the one of `make test`."""

    @property
    def kept(self) -> bool:
        """Whether nothing was found."""
        return not (self.double_holds or self.quota_drift or self.events_lost or self.applied_twice or self.other)


COLUMNS: Mapping[str, str] = {
    "fault": "fault",
    "operations": "operations",
    "faults": "faults",
    "deaths": "workers killed",
    "unanswered": "unanswered",
    "double_holds": "double holds",
    "quota_drift": "quota drift",
    "events_lost": "events lost or out of order",
    "applied_twice": "effects lost or doubled",
    "other": "other",
    "added_seconds": "added wait while a part is away, median (s)",
    "unavailable_seconds": "longest without service (s)",
    "longest_transaction_seconds": "longest transaction (s)",
}
SHORT_MARK = " (short)"
SCREEN_HEADS = (
    "",
    "operations",
    "faults",
    "killed",
    "unanswered",
    "2 holds",
    "drift",
    "lost",
    "twice",
    "other",
    "wait",
    "gap",
    "tx",
)
"""The same columns, for the width of a screen."""
SUMS = (
    "operations",
    "faults",
    "deaths",
    "unanswered",
    "double_holds",
    "quota_drift",
    "events_lost",
    "applied_twice",
    "other",
)


def line_of(outcome: Outcome, *, short: bool = False) -> Line:
    """Count what was found, by what it means."""
    found = [violation.promise for violation in outcome.violations]
    held = sum(promise in {holds.PROMISE, locks.PROMISE} for promise in found)
    drift, lost, twice = (found.count(check.PROMISE) for check in (quota, events, effects))
    return Line(
        fault=outcome.name,
        promise=outcome.promise,
        seed=outcome.seed,
        operations=outcome.operations,
        faults=outcome.faults,
        deaths=int(outcome.figures["deaths"]),
        unanswered=int(outcome.figures["unanswered"]),
        double_holds=held,
        quota_drift=drift,
        events_lost=lost,
        applied_twice=twice,
        other=len(found) - held - drift - lost - twice,
        added_seconds=round(outcome.figures["added_seconds"], 3),
        unavailable_seconds=round(outcome.figures["unavailable_seconds"], 2),
        longest_transaction_seconds=round(outcome.figures["longest_transaction_seconds"], 2),
        short=short,
    )


def table(lines: Sequence[Line]) -> list[list[str]]:
    """Give the cells of the table, its head first and its sums last."""
    rows = [[_cell(getattr(line, name)) for name in COLUMNS] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        row[0] += SHORT_MARK if line.short else ""
    total = ["all", *(_total(name, lines) for name in list(COLUMNS)[1:])]
    return [list(COLUMNS.values()), *rows, total]


def keep(lines: Sequence[Line], machine: str) -> None:
    """Keep the figures, those of faults that were not run now too, and write the page."""
    known = {line["fault"]: line for line in load()["lines"]}
    known |= {line.fault: asdict(line) for line in lines}
    _keep({"machine": machine, "lines": list(known.values())})


def keep_soak(figures: Mapping[str, Any]) -> None:
    """Keep the figures of a soak, and write the page."""
    _keep({"soak": figures})


def _keep(changes: Mapping[str, Any]) -> None:
    KEPT.write_text(json.dumps(load() | changes, indent=2) + "\n")
    write_page()


def load() -> dict[str, Any]:
    """Read what was kept."""
    return {"lines": [], **(json.loads(KEPT.read_text()) if KEPT.exists() else {})}


def write_page() -> None:
    """Write the generated part of docs/reliability.md; what stands above the mark is prose and stays."""
    prose = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(prose + MARK + "\n\n" + generated(load()))


def generated(kept: Mapping[str, Any]) -> str:
    """Render the kept figures as Markdown."""
    lines = [Line(**line) for line in kept["lines"]]
    head, *body = table(lines)
    text = f"## Under faults\nMachine: {kept.get('machine')}\n\n{_markdown(head, body)}\n\n"
    if any(line.short for line in lines):
        text += (
            f"Lines marked{SHORT_MARK} are of the short form, which `make test` runs; the others of the long one.\n\n"
        )
    text += "\n".join(f"- **{line.fault}** (seed {line.seed}): {line.promise}." for line in lines) + "\n"
    if "soak" in kept:
        rows = [[name.replace("_", " "), str(value)] for name, value in kept["soak"].items()]
        text += f"\n## Over a long time\n{_markdown(['soak', ''], rows)}\n"
    return text


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _total(name: str, lines: Sequence[Line]) -> str:
    values = [getattr(line, name) for line in lines]
    return _cell(sum(values) if name in SUMS else max(values, default=0))


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"
