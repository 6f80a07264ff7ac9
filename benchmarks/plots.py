"""Plots as SVG: light, readable, and the same bytes for the same numbers."""

import io
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, ScalarFormatter

from benchmarks.outcome import Plot, Series

_STYLE: Any = {
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "none",  # text stays text: small files, and words that can be searched
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e5e5e5",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    # Distinct for the colour-blind too (Okabe and Ito, then Tol).
    "axes.prop_cycle": cycler(
        color=[
            *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999"),
            *("#332288", "#88ccee", "#882255", "#117733"),
        ]
    ),
}
_INCHES = (7.2, 3.6)
_WITHOUT_DATE: dict[str, Any] = {"Date": None, "Creator": None}


def draw(plot: Plot) -> str:
    """Give the plot as the text of an SVG file."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.add_subplot()
        if plot.kind == "lines":
            _lines(axes, plot)
        else:
            _bars(axes, plot)
        axes.set(title=plot.title, xlabel=plot.x_label, ylabel=plot.y_label)
        if plot.mark is not None:
            axes.axhline(plot.mark, color="#555555", linestyle="--", linewidth=1)
        if len(plot.series) > 1:
            figure.legend(loc="outside right upper")
        file = io.StringIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(file, metadata=_WITHOUT_DATE)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def _lines(axes: Any, plot: Plot) -> None:
    for one in plot.series:
        dots: dict[str, Any] = {"marker": "o", "markersize": 4, "label": one.name}
        if one.spread:
            axes.errorbar(one.x, one.y, _off(one), capsize=2, **dots)
        else:
            axes.plot(one.x, one.y, **dots)
    _scales(axes, plot)


def _off(series: Series) -> list[tuple[float, ...]]:
    return list(zip(*series.spread, strict=True))


def _bars(axes: Any, plot: Plot) -> None:
    groups = plot.series[0].x
    width = 0.8 if plot.stacked else 0.8 / len(plot.series)
    below = [0.0] * len(groups)
    for number, one in enumerate(plot.series):
        shift = 0.0 if plot.stacked else (number - (len(plot.series) - 1) / 2) * width
        off = {"yerr": _off(one), "capsize": 2} if one.spread else {}
        axes.bar([at + shift for at in range(len(groups))], one.y, width, bottom=below, label=one.name, **off)
        if plot.stacked:
            below = [low + more for low, more in zip(below, one.y, strict=True)]
    long = max(len(str(group)) for group in groups) * len(groups) > 70
    axes.set_xticks(
        range(len(groups)), [str(group) for group in groups], **({"rotation": 40, "ha": "right"} if long else {})
    )
    _scales(axes, plot)


def _scales(axes: Any, plot: Plot) -> None:
    if plot.kind == "lines" and plot.x_scale == "log":
        axes.set_xscale("log")
    if plot.y_scale == "log":
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.minorticks_off()
    else:
        axes.set_ylim(bottom=0)
