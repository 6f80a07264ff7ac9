"""By what forecasts are stretched, and how promises are judged."""

from collections.abc import Sequence

import pytest

from scheduler.domain.calibration import MEDIAN, NINE_OF_TEN, Calibration, Estimate, Ratios, Stretch

ONE = 64
"""Bucket whose ratios begin at 1: sixteen are an octave."""
SOFT = 30
NONE = Ratios()


def spread(*buckets: int, each: int = 1) -> Ratios:
    """Waits that were served, in these buckets."""
    return Ratios(dict.fromkeys(buckets, each))


@pytest.mark.parametrize(
    ("ratios", "level", "quantile"),
    [
        pytest.param(spread(ONE, each=20), MEDIAN, 2 ** (1 / 32), id="all alike: the middle of their bucket"),
        pytest.param(spread(ONE - 16, ONE, ONE + 16, each=30), MEDIAN, 2 ** (1 / 32), id="the one in the middle"),
        pytest.param(spread(*range(40, 60), each=5), NINE_OF_TEN, 2 ** ((58.5 - 64) / 16), id="nine of ten, and a bit"),
        pytest.param(Ratios({ONE: 10, ONE + 16: 10}), NINE_OF_TEN, 2 ** (33 / 32), id="the worst when they are few"),
        pytest.param(Ratios({ONE: 19}), MEDIAN, None, id="too few"),
        pytest.param(NONE, NINE_OF_TEN, None, id="none"),
        pytest.param(Ratios({ONE: 20}, {0: 500}), MEDIAN, 2 ** (1 / 32), id="who left before all others tells nothing"),
        pytest.param(
            Ratios({ONE: 50, ONE + 16: 50}, {ONE: 45}), MEDIAN, 2 ** (33 / 32), id="who left would have waited on"
        ),
        pytest.param(
            Ratios({ONE: 50, ONE + 8: 20, ONE + 16: 30}, {ONE: 45}),
            MEDIAN,
            2 ** (17 / 32),
            id="and no longer than most",
        ),
        pytest.param(spread(*range(50, 80)), NINE_OF_TEN, 2 ** ((77.5 - 64) / 16), id="no more than one part is added"),
        pytest.param(Ratios({ONE: 11, ONE + 16: 10}), MEDIAN, 2 ** (1 / 32), id="just enough"),
        pytest.param(Ratios({ONE: 20}, {ONE + 1: 500}), NINE_OF_TEN, 2 ** (1 / 32), id="as far as is known"),
    ],
)
def test_a_quantile_of_ratios(ratios: Ratios, level: float, quantile: float | None) -> None:
    assert ratios.quantile(level) == (None if quantile is None else pytest.approx(quantile))


def test_both_counts_of_ratios_add_up() -> None:
    together = Ratios({1: 2}, {3: 4, 5: 1}).plus(Ratios({1: 1, 2: 1}, {3: 1}))

    assert together == Ratios({1: 3, 2: 1}, {3: 5, 5: 1})


def test_each_stratum_learns_its_own() -> None:
    learned = Stretch.learned(
        [spread(ONE, each=20), NONE, NONE], [spread(ONE, each=20), spread(ONE + 16, each=20), NONE]
    )

    assert learned.p90[0] == pytest.approx(2 ** (1 / 32))
    assert learned.p90[1] == pytest.approx(2 ** (33 / 32))
    assert learned.p90[2] == learned.p90[1], "too few of its own: it learns from all"
    assert list(learned.p50) == pytest.approx([2 ** (1 / 32)] * 3)


def test_nothing_is_stretched_before_something_is_learned() -> None:
    assert Stretch.learned([NONE] * 3, [NONE] * 3) == Stretch([1.0] * 3, [1.0] * 3)


@pytest.mark.parametrize(("bucket", "stretch"), [(0, 0.25), (127, 4.0)])
def test_no_stretch_is_wild(bucket: int, stretch: float) -> None:
    assert Stretch.learned([NONE] * 3, [spread(bucket, each=50)] + [NONE] * 2).p90 == [stretch] * 3


@pytest.mark.parametrize(
    ("raw", "p50", "p90", "told"),
    [
        pytest.param((100.0, 200.0), (1, 1, 1), (1, 1, 1), (100, 200), id="as computed"),
        pytest.param((99.2, 199.1), (1, 1, 1), (1, 1, 1), (100, 200), id="rounded up"),
        pytest.param((100.0, 200.0), (1, 1, 1), (2, 1, 1), (100, 430), id="stretched with half a minute added"),
        pytest.param((100.0, 200.0), (0.25, 1, 1), (1, 1, 1), (3, 200), id="shortened"),
        pytest.param((10.0, 200.0), (0.25, 1, 1), (1, 1, 1), (0, 200), id="never below nothing"),
        pytest.param((100.0, 900.0), (2, 1, 1), (2, 1, 1), (100, 900), id="middling from a quarter of an hour"),
        pytest.param((100.0, 3600.0), (1, 1, 1), (1, 1, 2), (100, 7230), id="long from an hour"),
        pytest.param((180.0, 200.0), (1, 1, 1), (0.5, 1, 1), (85, 85), id="p50 not above p90"),
        pytest.param((5000.0, 9000.0), (1, 1, 1), (1, 1, 4), (5000, 9999), id="not beyond the horizon"),
    ],
)
def test_what_is_told(raw: Sequence[float], p50: Sequence[float], p90: Sequence[float], told: tuple[int, int]) -> None:
    estimate = Estimate.of(raw, Stretch(p50, p90), at_most=9999)

    assert (estimate.p50, estimate.p90) == told
    assert (estimate.raw_p50, estimate.raw_p90) == raw


def test_a_calibration_counts_known_waits_only() -> None:
    assert Calibration(7, known=40, within_p50=21, within_p90=36, unknown=100).share_within_p90 == 0.9


def test_no_known_wait_makes_no_share() -> None:
    assert Calibration(7, known=0, within_p50=0, within_p90=0, unknown=3).share_within_p90 is None
