"""Arrivals at a fixed rate: schedules, latencies from the scheduled instant, goals at a rate."""

from itertools import pairwise
from statistics import mean

import pytest

from benchmarks.arrivals import Served, latencies, poisson, rate_kept
from benchmarks.figures import percentile
from benchmarks.parts import fixed_rate, outbox_lag

SERVICE_SECONDS = 0.001
STALL_SECONDS = 1.0
WAITS = dict.fromkeys(fixed_rate.SHARES, 5.0)


def one_server(arrivals: list[float], *, stalls_at: int) -> dict[int, Served]:
    """Serve in turn, a millisecond each, but for one that takes a second; whoever arrives meanwhile queues up."""
    free, served = 0.0, {}
    for number, scheduled in enumerate(arrivals):
        begun = max(scheduled, free)
        free = begun + (STALL_SECONDS if number == stalls_at else SERVICE_SECONDS)
        served[number] = Served(begun, free)
    return served


def test_a_stall_that_all_wait_for_is_seen_though_only_one_request_met_it():
    arrivals = [number / 100 for number in range(1000)]
    served = one_server(arrivals, stalls_at=500)

    from_send = [one.answered - one.begun for one in served.values()]  # what omits them
    from_schedule = latencies(arrivals, served, cut_at=10)

    assert percentile(from_send, 0.99) == pytest.approx(SERVICE_SECONDS)
    assert percentile(from_schedule, 0.99) > 0.9 * STALL_SECONDS
    assert sum(wait > 10 * SERVICE_SECONDS for wait in from_schedule) > 90


def test_what_was_never_begun_has_waited_until_the_end():
    arrivals = [1.0, 2.0]

    assert latencies(arrivals, {0: Served(1.0, 1.5)}, cut_at=10) == [0.5, 8.0]


def test_only_what_was_answered_within_the_window_counts_as_kept():
    served = {0: Served(0.0, 0.1), 1: Served(1.0, 1.9), 2: Served(1.9, 2.5)}

    assert rate_kept([0.0, 1.0, 1.5, 1.9], served, seconds=2) == 1.0


def test_arrivals_are_fixed_in_advance_and_independent_of_each_other():
    arrivals = poisson(rate=300, seconds=20, seed=1)

    assert arrivals == poisson(rate=300, seconds=20, seed=1)
    assert arrivals != poisson(rate=300, seconds=20, seed=2)
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] < 20
    gaps = [after - before for before, after in pairwise(arrivals)]
    assert mean(gaps) == pytest.approx(1 / 300, rel=0.05)
    assert mean(gap**2 for gap in gaps) == pytest.approx(2 / 300**2, rel=0.2)  # exponential, not even


@pytest.mark.parametrize(("p99", "holds"), [(49.9, True), (50.0, False)])
def test_the_goal_is_for_p99_at_300_a_second(p99, holds):
    rounds = [fixed_rate.Round(300, WAITS | {"p99": p99}, WAITS)]

    assert [(one.name, one.holds) for one in fixed_rate.rate_figures(300, rounds) if one.goal] == [
        ("p99 of allocate at 300 pairs/s, ms", holds)
    ]
    assert not any(one.goal for one in fixed_rate.rate_figures(100, rounds))


def test_a_rate_that_was_not_kept_is_told_with_each_figure():
    figures = fixed_rate.rate_figures(300, [fixed_rate.Round(210, WAITS, WAITS)])

    assert all("kept 210 of 300 pairs/s" in one.detail for one in figures[:-1])
    assert (figures[-1].name, figures[-1].value) == ("pairs/s kept at 300 pairs/s", 210)


def test_the_lag_tells_its_goal_and_what_was_left_behind():
    form = outbox_lag.Form(rate=300, environments=8, rounds=1, seconds=5)
    lags = dict.fromkeys(outbox_lag.SHARES, 0.2) | {"p95": 1.2}

    outcome = outbox_lag.outcome_of(form, [outbox_lag.Round(280, 3000, 7, lags)])

    (held_to,) = [one for one in outcome.figures if one.goal]
    assert (held_to.name, held_to.holds) == ("outbox lag p95 at 300 pairs/s, relay included, s", False)
    assert "kept 280 of 300 pairs/s, 7 events left behind" in held_to.detail
