"""Put hundreds of warm environments before 50 connections, and see what callers get: `make connections`."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.markup import escape

from benchmarks.crowd.account import Span, complaints, spans
from benchmarks.crowd.place import CONNECTIONS
from benchmarks.crowd.plan import Phase
from benchmarks.crowd.trial import CLOCK_SECONDS, WAIT_SECONDS, Result, Trial, run_trial
from benchmarks.kept import ROOT
from benchmarks.machine import cores_and_load
from benchmarks.outcome import Plot, Series, WrongAnswer
from benchmarks.plots import draw
from tools.pgbouncer.__main__ import CannotInstall, install

PAGE = ROOT / "docs" / "connections.md"
IMAGES = ROOT / "docs" / "images" / "connections"
BEGIN, END = "<!-- figures: begin (written by make connections) -->", "<!-- figures: end -->"
SIZES = (50, 100, 200, 500)
BELOW, ABOVE = 10.0, 100.0
HELD, HOLD_SECONDS = "held up", 6.0
HEADINGS = (
    *("run", "phase", "requests/s done", "p50 s", "p99 s", "longest s"),
    *("503", "answered after (p50 s)", "turned away", "sessions"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A trial with its name and its result."""

    name: str
    trial: Trial
    result: Result

    @property
    def told_spans(self) -> list[Span]:
        """The phases between warming up and settling."""
        return spans(self.result.told)[1:-1]


def trials(seconds: float) -> dict[str, Trial]:
    """Give all runs of the long form by name; `seconds` of each phase."""
    surge = (Phase("below", seconds, BELOW), Phase("above", seconds, ABOVE), Phase("after", seconds, BELOW))
    held = (Phase("below", seconds, BELOW), Phase(HELD, seconds, BELOW), Phase("after", seconds, BELOW))
    most = SIZES[-1]
    return {
        **{f"{size} environments": Trial(size, surge) for size in SIZES},
        f"{most}, waiting 8 s": Trial(most, surge, wait_seconds=8),
        f"{most}, devices locked for {HOLD_SECONDS:g} s": Trial(most, held, hold_ups={HELD: HOLD_SECONDS}),
        f"{most}, no proxy, not slow": Trial(most, surge, proxied=False, clock_seconds=0.0),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all, print, write; 1 when something was lost, doubled, or is not as it must be."""
    options = _options(arguments)
    console = Console(highlight=False)
    chosen = {name: trial for name, trial in trials(options.seconds).items() if options.only in name}
    runs: list[Run] = []
    try:
        install()
        for number, (name, trial) in enumerate(chosen.items(), 1):
            console.print(f"{number}/{len(chosen)} {name}")
            runs.append(Run(name, trial, run_trial(trial)))
            console.print(f"  {escape(runs[-1].result.ledger)}")
    except (WrongAnswer, CannotInstall) as problem:
        console.print(f"[red]✗[/] {escape(str(problem))}")
        return 1
    console.print(table(runs), markup=False, soft_wrap=True)
    found = _complaints(runs)
    for complaint in found:
        console.print(f"[red]✗[/] {escape(complaint)}")
    if not options.only:
        _write(runs)
        console.print(f"written: {PAGE.relative_to(ROOT)} and its plots")
    return 1 if found else 0


def table(runs: Sequence[Run]) -> str:
    """Give all phases of all runs as a Markdown table."""
    rows = [
        (
            run.name,
            span.name,
            f"{span.per_second:.0f}",
            *(f"{seconds:.2f}" for seconds in (span.p50, span.p99, span.longest)),
            f"{span.refused:.0%}",
            f"{span.refused_p50:.2f}" if span.refused else "",
            f"{span.turned_away:.0%}",
            str(run.result.most_sessions),
        )
        for run in runs
        for span in run.told_spans
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (HEADINGS, ["---"] * len(HEADINGS), *rows))


def plots(runs: Sequence[Run]) -> list[Plot]:
    """Draw what the surge is like by number of environments."""
    sized = [(run, span) for run in runs for span in run.told_spans if span.name == "above" and run.name in _surges()]
    x = tuple(float(run.trial.environments) for run, _ in sized)

    def plot(name: str, title: str, unit: str, **series: tuple[float, ...]) -> Plot:
        lines = tuple(Series(line.replace("_", " "), x, values) for line, values in series.items())
        return Plot(name, title, "environments", unit, lines)

    return [
        plot("throughput", "Far above capacity: done", "requests/s", done=tuple(span.per_second for _, span in sized)),
        plot(
            *("latency", "Far above capacity: time to an answer", "s"),
            p50=tuple(span.p50 for _, span in sized),
            p99=tuple(span.p99 for _, span in sized),
        ),
        plot(
            *("refused", "Far above capacity: share of all requests", "%"),
            answered_503=tuple(100 * span.refused for _, span in sized),
            turned_away=tuple(100 * span.turned_away for _, span in sized),
        ),
    ]


def _surges() -> set[str]:
    return {f"{size} environments" for size in SIZES}


def _complaints(runs: Sequence[Run]) -> list[str]:
    found = []
    for run in runs:
        if run.trial.proxied and not run.trial.hold_ups and run.trial.environments > SIZES[0]:
            found += [
                f"{run.name}: {text}" for text in complaints(run.result.told, run.result.most_sessions, CONNECTIONS)
            ]
    return found


def _write(runs: Sequence[Run]) -> None:
    head, _, rest = PAGE.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    IMAGES.mkdir(parents=True, exist_ok=True)
    pictures = plots(runs)
    for picture in pictures:
        (IMAGES / f"{picture.name}.svg").write_text(draw(picture))
    heavy = median(runs[-1].result.told.heavy_mb)
    lines = [
        f"{cores_and_load()}. Each look at the routines' clock takes {CLOCK_SECONDS:g} s, PgBouncer lets clients wait"
        f" {WAIT_SECONDS} s unless another time is named; {BELOW:g} cycles a second below, {ABOVE:g} above. An"
        f" environment holds {heavy:.0f} MB for itself.",
        "",
        table(runs),
        "",
        *(f"![{picture.title}](images/connections/{picture.name}.svg)" for picture in pictures),
    ]
    PAGE.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make connections", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each phase (%(default)g)")
    parser.add_argument("--only", default="", help="runs whose name has this in it; then the page stays")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
