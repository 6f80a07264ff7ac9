"""The pure parts of the benchmark: percentiles, medians, figures, pgbench's output, the form of results.json."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.__main__ import FULL, QUICK, Form, read_form
from benchmarks.figures import Pace, figure, median_pace, meets, pace_figures, percentile, results
from benchmarks.floor import FloorRound, read_pgbench
from benchmarks.report import BEGIN, END, table_rows, verdict, write_page, write_results
from benchmarks.rounds import pace_of
from benchmarks.worker import Context, Lap, WrongAnswer, call

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
MACHINE = {
    "cores": 2,
    "cpu": "a CPU",
    "memory_gb": 8,
    "load_before": 0.1,
    "python": "3.13.0",
    "postgres": "18.6",
    "postgres_settings": {"fsync": "off"},
    "settings": {"rounds": 5, "seconds": 10},
}
SUMMARY = "number of transactions actually processed: 7\nnumber of failed transactions: 0 (0.000%)\n"


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param([7], 0.99, 7, id="of one value is that value"),
        pytest.param([3, 1, 2, 4], 0.50, 2, id="is a value that was measured"),
        pytest.param(range(1, 101), 0.95, 95, id="the 95th of 1 to 100"),
        pytest.param(range(1, 101), 1.0, 100, id="the last is the largest"),
    ],
)
def test_percentile(values, share, expected):
    assert percentile(list(values), share) == expected


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1], 0), ([1], 1.01)])
def test_percentile_refuses_what_has_none(values, share):
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, share)


@pytest.mark.parametrize(
    ("value", "goal", "expected"),
    [(0.40, ">= 0.40", True), (0.39, ">= 0.40", False), (0.7, "<= 0.70", True), (2, "== 1", False)],
)
def test_a_goal_is_met_or_not(value, goal, expected):
    assert meets(value, goal) is expected


def test_a_goal_that_is_no_comparison_is_refused():
    with pytest.raises(ValueError, match="comparison"):
        meets(1, "about 1")


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


def test_results_have_the_agreed_form(tmp_path: Path):
    write_results({"cores": 2}, [figure("a", 0.123456, "<= 0.70", "why")], tmp_path / "results.json")

    assert json.loads((tmp_path / "results.json").read_text()) == {
        "machine": {"cores": 2},
        "figures": [{"name": "a", "value": 0.1235, "goal": "<= 0.70", "holds": True, "detail": "why"}],
    }


def test_a_figure_without_a_goal_neither_holds_nor_fails():
    assert results({}, [figure("a", 1)])["figures"][0]["holds"] is None


def test_the_verdict_names_the_shortfall():
    assert verdict(figure("a", 0.3, ">= 0.40")) == "a: 0.3, goal >= 0.40: SHORT"
    assert verdict(figure("a", 0.4, ">= 0.40")).endswith("pass")


def test_the_table_has_a_row_for_each_number_of_workers():
    rows = table_rows({1: [PACE], 8: [PACE, PACE]})

    assert rows[1] == ("8", "400", "1000", "0.40", "10.0", "20.0", "30.0", "5.0", "8.0", "9.0", "1.25")


def test_the_page_keeps_what_is_around_its_markers(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")

    write_page(MACHINE, {8: [PACE]}, pace_figures(8, [PACE]), page)

    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n2 cores (a CPU)")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "stale" not in text
    assert "| 0.4 | >= 0.40 | yes |" in text


def test_a_page_without_markers_is_left_alone(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text("nothing here")

    with pytest.raises(ValueError, match="markers"):
        write_page(MACHINE, {}, [], page)


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


def test_the_command_line_overrides_the_form():
    assert read_form([]) == FULL
    assert read_form(["--quick"]) == QUICK
    assert read_form(["--quick", "--workers", "2,4", "--seconds", "1"]) == Form((2, 4), QUICK.rounds, 1)


@pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--workers", "1,x"], ["--seconds", "99999"]])
def test_a_command_line_out_of_range_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        read_form(arguments)
