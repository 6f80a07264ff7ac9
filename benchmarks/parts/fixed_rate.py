"""(b) Latency of allocate while pairs arrive at a fixed rate, counted from the instant when each was due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.arrivals import latencies, poisson, rate_kept
from benchmarks.figures import Figure, figure, percentile
from benchmarks.ledger import check_ledger
from benchmarks.open_loop import OpenLoop, open_loop
from benchmarks.outcome import Outcome, Plot, Series, Table
from benchmarks.part import Part, Tell
from benchmarks.stage import Place

MS = 1000
GOAL_RATE, GOAL_MS = 300, 50
SHARES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
_HEADINGS = ("pairs/s", "kept", *SHARES, "p50 from the send", "p99 from the send")


@dataclass(frozen=True, slots=True)
class Form:
    """Pairs a second, warm environments, alternating rounds of each rate, seconds of a round."""

    rates: tuple[int, ...]
    environments: int
    rounds: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Round:
    """One round: pairs answered a second, and latencies of allocate in ms, by share."""

    kept: float
    waits: Mapping[str, float]
    from_send: Mapping[str, float]


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Run the rates in turn; the ledger is checked last."""
    rounds: dict[int, list[Round]] = {rate: [] for rate in form.rates}
    tell("warm")
    with open_loop(form.environments) as loop:
        for number in range(1, form.rounds + 1):
            for rate in form.rates:
                tell(f"{rate} pairs/s, round {number}")
                rounds[rate].append(_round(loop, rate, form.seconds, number))
    tell("check the ledger")
    check_ledger(place.database_url, loop.pairs)
    figures = [one for rate in form.rates for one in rate_figures(rate, rounds[rate])]
    rows = tuple(_row(rate, rounds[rate]) for rate in form.rates)
    title = (
        "Latency of allocate in ms from the scheduled instant, medians of the rounds; kept: pairs/s answered in time"
    )
    return Outcome(tuple(figures), (Table(title, _HEADINGS, rows),), (_plot(rounds),))


def _round(loop: OpenLoop, rate: int, seconds: int, seed: int) -> Round:
    arrivals = poisson(rate, seconds, seed)
    served, cut_at = loop.run(arrivals, seconds)
    waits = [MS * wait for wait in latencies(arrivals, served, cut_at)]
    sends = [MS * (one.answered - one.begun) for one in served.values()]
    kept = rate_kept(arrivals, served, seconds) / (len(arrivals) / seconds)
    return Round(kept * rate, _shares(waits), _shares(sends))


def _shares(values: Sequence[float]) -> dict[str, float]:
    return {name: percentile(values, share) for name, share in SHARES.items()}


def rate_figures(rate: int, rounds: Sequence[Round]) -> list[Figure]:
    """Give the figures of one rate, from its rounds."""
    kept = median(one.kept for one in rounds)
    told = f"kept {kept:.0f} of {rate} pairs/s; median of {len(rounds)} rounds"
    goals = {"p99": f"< {GOAL_MS}"} if rate == GOAL_RATE else {}
    every = [
        figure(
            f"{name} of allocate at {rate} pairs/s, ms",
            median(one.waits[name] for one in rounds),
            goals.get(name),
            f"{told}: {', '.join(f'{one.waits[name]:.1f}' for one in rounds)}",
        )
        for name in SHARES
    ]
    return [*every, figure(f"pairs/s kept at {rate} pairs/s", kept, detail="answered within the window")]


def _row(rate: int, rounds: Sequence[Round]) -> tuple[str, ...]:
    waits = (median(one.waits[name] for one in rounds) for name in SHARES)
    sends = (median(one.from_send[name] for one in rounds) for name in ("p50", "p99"))
    return (str(rate), f"{median(one.kept for one in rounds):.0f}", *(f"{ms:.1f}" for ms in (*waits, *sends)))


def _plot(rounds: Mapping[int, Sequence[Round]]) -> Plot:
    series = (
        Series(f"{rate} pairs/s", tuple(SHARES), tuple(median(one.waits[name] for one in found) for name in SHARES))
        for rate, found in rounds.items()
    )
    return Plot(
        "fixed-rate",
        "Latency of allocate at a fixed rate (dashed: the goal for p99)",
        "of all requests",
        "ms from the scheduled instant",
        tuple(series),
        y_scale="log",
        mark=GOAL_MS,
    )


PART = Part(
    name="fixed-rate",
    title="Latency at a fixed rate",
    quick=Form(rates=(100, 300), environments=8, rounds=2, seconds=6),
    full=Form(rates=(100, 300), environments=8, rounds=5, seconds=20),
    steps=lambda form: 2 + form.rounds * len(form.rates),
    run=run,
)
