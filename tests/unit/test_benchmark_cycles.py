"""Rounds of cycles, and the floor beside them: medians, pgbench's output, wrong answers."""

from dataclasses import replace

import pytest

from benchmarks.floor import FloorRound, read_pgbench
from benchmarks.outcome import WrongAnswer
from benchmarks.pace import Pace, median_pace, pace_figures, pace_row
from benchmarks.parts.cycles import pace_of
from benchmarks.worker import Context, Lap, call

PACE = Pace(
    handlers_per_second=400,
    floor_per_second=1000,
    ratio=0.4,
    cycle_p50=10,
    cycle_p95=20,
    cycle_p99=30,
    allocate_p50=5,
    allocate_p95=8,
    allocate_p99=9,
    floor_mean=4,
    worker_cpu=1.25,
    round_trips=1,
)
SUMMARY = "number of transactions actually processed: 7\nnumber of failed transactions: 0 (0.000%)\n"


def test_medians_are_taken_column_by_column():
    slow, fast = replace(PACE, ratio=0.1, cycle_p50=99), replace(PACE, ratio=0.9, cycle_p50=1)

    assert median_pace([slow, PACE, fast]) == PACE


def test_a_round_counts_the_cycles_of_all_workers_over_the_longest():
    laps = [
        Lap([0.010], [0.004], [1], cpu_seconds=0.001),
        Lap([0.020, 0.030], [0.005, 0.006], [2, 1], cpu_seconds=0.002),
    ]

    pace = pace_of(laps, elapsed=2.0, below=FloorRound(per_second=3.0, mean_ms=1.0, cycles=9))

    assert (pace.handlers_per_second, pace.ratio, pace.round_trips) == (1.5, 0.5, 1)
    assert (pace.cycle_p50, pace.cycle_p99, pace.allocate_p50) == (20, 30, 5)
    assert pace.worker_cpu == pytest.approx(1.0)


def test_only_the_ratio_of_eight_workers_has_a_goal():
    goals = {one.name: (one.goal, one.holds) for n in (1, 8, 32) for one in pace_figures(n, [PACE]) if one.goal}

    assert goals == {"cycles/s through handlers ÷ floor, 8 workers, with user lock and quota": (">= 0.40", True)}


def test_a_row_of_the_table_has_the_medians_as_texts():
    row = pace_row(8, [PACE, PACE])

    assert row == ("8", "400", "1000", "0.40", "10.0", "20.0", "30.0", "5.0", "8.0", "9.0", "1.25")


def progress(at: int, tps: float, latency: float, failed: int = 0) -> str:
    return f"progress: {at}.0 s, {tps} tps, lat {latency} ms stddev 0.123, {failed} failed\n"


def test_the_floor_leaves_out_the_seconds_of_its_warm_up():
    lines = progress(1, 10, 90) + progress(2, 10, 90) + progress(3, 100, 2) + progress(4, 300, 4)

    assert read_pgbench(SUMMARY, lines) == FloorRound(per_second=200, mean_ms=3.5, cycles=7)


@pytest.mark.parametrize(
    ("stdout", "stderr"),
    [
        pytest.param(SUMMARY, progress(3, 100, 2, failed=1), id="a transaction failed"),
        pytest.param("", progress(3, 100, 2), id="no summary"),
        pytest.param(SUMMARY, progress(1, 100, 2), id="nothing but warm-up"),
    ],
)
def test_a_floor_that_is_not_right_is_refused(stdout, stderr):
    with pytest.raises(WrongAnswer):
        read_pgbench(stdout, stderr)


def test_a_refusal_fails_the_cycle_loudly():
    def refuses(event, context):
        return {"statusCode": 409, "body": '{"code": "no_available_devices"}'}

    with pytest.raises(WrongAnswer, match="no_available_devices"):
        call(refuses, {}, Context(), 201)
