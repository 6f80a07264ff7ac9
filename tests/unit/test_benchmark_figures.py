"""The arithmetic of the benchmark: percentiles, goals, verdicts."""

import pytest

from benchmarks.figures import figure, meets, percentile
from benchmarks.screen import verdict


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
    [
        (0.40, ">= 0.40", True),
        (0.39, ">= 0.40", False),
        (0.7, "<= 0.70", True),
        (50, "< 50", False),
        (2, "== 1", False),
    ],
)
def test_a_goal_is_met_or_not(value, goal, expected):
    assert meets(value, goal) is expected


def test_a_goal_that_is_no_comparison_is_refused():
    with pytest.raises(ValueError, match="comparison"):
        meets(1, "about 1")


def test_a_figure_without_a_goal_neither_holds_nor_fails():
    assert figure("a", 1).holds is None


def test_the_verdict_names_the_shortfall():
    assert verdict(figure("a", 0.3, ">= 0.40")) == "a: 0.3, goal >= 0.40: SHORT"
    assert verdict(figure("a", 0.4, ">= 0.40")).endswith("pass")
