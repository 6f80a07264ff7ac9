"""What a part found: figures, tables, plots. Plain values, which can be kept as JSON and come back equal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.figures import Figure

type Scale = Literal["linear", "log"]


class WrongAnswer(Exception):
    """Something answered wrongly or not at all; a benchmark of it would be worthless, so nothing is written."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under as many headings; numbers are already written as they are to be read."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or the bars of one colour: `x` numbers (lines) or texts (bars), and as many `y`.

    `spread`: how far each bar may be off, below and above; or nothing.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    spread: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture. Bars of several series stand beside each other, or on each other when `stacked`.

    `name` is that of its file, without an ending. A `mark` is a dashed line across at that value of y, such as a goal.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    kind: Literal["lines", "bars"] = "lines"
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    stacked: bool = False
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures go to results.json, those with a goal to the page too; tables and plots are for the page."""

    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = field(default=())


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Give plain values."""
    return asdict(outcome)


def from_json(kept: Mapping[str, Any]) -> Outcome:
    """Give the outcome that was made into plain values.

    Raises:
        KeyError, TypeError: They are not those of an outcome, or of one of another version.
    """
    return Outcome(
        tuple(Figure(**one) for one in kept["figures"]),
        tuple(Table(one["title"], tuple(one["headings"]), _rows(one["rows"])) for one in kept["tables"]),
        tuple(_plot(one) for one in kept["plots"]),
    )


def _rows(rows: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row) for row in rows)


def _plot(kept: Mapping[str, Any]) -> Plot:
    return Plot(**{**kept, "series": tuple(_series(one) for one in kept["series"])})


def _series(kept: Mapping[str, Any]) -> Series:
    spread = tuple((below, above) for below, above in kept.get("spread", ()))
    return Series(kept["name"], tuple(kept["x"]), tuple(kept["y"]), spread)
