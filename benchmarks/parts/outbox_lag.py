"""(k) How long events wait in the outbox while pairs arrive at a fixed rate and the relay publishes them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import psycopg2

from benchmarks.arrivals import poisson, rate_kept
from benchmarks.figures import figure, percentile
from benchmarks.ledger import check_ledger
from benchmarks.open_loop import open_loop
from benchmarks.outcome import Outcome, Plot, Series, Table
from benchmarks.part import Part, Tell
from benchmarks.relaying import relaying
from benchmarks.stage import Place

GOAL_SECONDS = 1
SHARES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "max": 1.0}
_LEFT_BEHIND_SECONDS = 20.0
# What is not out yet has waited at least until now.
_LAGS = """
SELECT extract(epoch FROM coalesce(published_at, clock_timestamp()) - occurred_at)::float8 FROM outbox WHERE id > %s
"""
_WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_LAST = "SELECT coalesce(max(id), 0) FROM outbox"


@dataclass(frozen=True, slots=True)
class Form:
    """Pairs a second, warm environments, rounds, seconds of a round."""

    rate: int
    environments: int
    rounds: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Round:
    """One round: pairs/s that were answered in time, events, those that were not published, lags in s by share."""

    kept: float
    events: int
    left: int
    lags: Mapping[str, float]


def run(place: Place, form: Form, tell: Tell) -> Outcome:
    """Run the rounds, each from an empty outbox; the ledger is checked last."""
    rounds: list[Round] = []
    tell("warm")
    with relaying(), open_loop(form.environments) as loop, _Outbox(place.database_url) as outbox:
        for number in range(1, form.rounds + 1):
            tell(f"{form.rate} pairs/s, round {number}")
            outbox.wait_until_empty()
            last = outbox.value(_LAST)
            arrivals = poisson(form.rate, form.seconds, number)
            served, _ = loop.run(arrivals, form.seconds)
            outbox.wait_until_empty()
            share = rate_kept(arrivals, served, form.seconds) * form.seconds / len(arrivals)
            lags = outbox.lags(last)
            rounds.append(
                Round(
                    share * form.rate,
                    len(lags),
                    outbox.value(_WAITING),
                    {n: percentile(lags, s) for n, s in SHARES.items()},
                )
            )
    tell("check the ledger")
    check_ledger(place.database_url, loop.pairs)
    return outcome_of(form, rounds)


def outcome_of(form: Form, rounds: Sequence[Round]) -> Outcome:
    """Give medians of the rounds."""
    kept = median(one.kept for one in rounds)
    lags = {name: median(one.lags[name] for one in rounds) for name in SHARES}
    left = sum(one.left for one in rounds)
    each = ", ".join(f"{one.lags['p95']:.2f}" for one in rounds)
    detail = (
        f"kept {kept:.0f} of {form.rate} pairs/s, {left} events left behind; median of {len(rounds)} rounds: {each}"
    )
    figures = [
        figure(
            f"outbox lag {name} at {form.rate} pairs/s, relay included, s",
            lag,
            f"< {GOAL_SECONDS}" if name == "p95" else None,
            detail,
        )
        for name, lag in lags.items()
    ]
    events = median(one.events for one in rounds)
    row = (str(form.rate), f"{kept:.0f}", f"{events:.0f}", str(left), *(f"{lag:.2f}" for lag in lags.values()))
    table = Table(
        "Seconds from an event to its mark as published, medians of the rounds",
        ("pairs/s", "kept", "events a round", "left behind", *SHARES),
        (row,),
    )
    plot = Plot(
        "outbox-lag",
        "How long events wait in the outbox (dashed: the goal for p95)",
        "of all events",
        "s",
        (Series("lag", tuple(SHARES), tuple(lags.values())),),
        y_scale="log",
        mark=GOAL_SECONDS,
    )
    return Outcome(tuple(figures), (table,), (plot,))


class _Outbox:
    """Looks at the table from outside."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def __enter__(self) -> "_Outbox":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def value(self, query: str) -> int:
        return int(self._rows(query, ())[0][0])

    def lags(self, after: int) -> list[float]:
        return [float(seconds) for (seconds,) in self._rows(_LAGS, (after,))]

    def wait_until_empty(self) -> None:
        """Wait for the relay, but not for ever: what it leaves is a finding."""
        deadline = time.monotonic() + _LEFT_BEHIND_SECONDS
        while time.monotonic() < deadline and self.value(_WAITING):
            time.sleep(0.1)

    def _rows(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, values)
            return cursor.fetchall()


PART = Part(
    name="outbox-lag",
    title="Outbox lag",
    quick=Form(rate=300, environments=8, rounds=2, seconds=6),
    full=Form(rate=300, environments=8, rounds=5, seconds=20),
    steps=lambda form: 2 + form.rounds,
    run=run,
)
