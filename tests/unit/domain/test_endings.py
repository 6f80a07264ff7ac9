"""When an allocation will end, from how others ended."""

import pytest

from scheduler.domain.endings import Endings


def half_early() -> Endings:
    """With the two that are added, half run in full, and the others end anywhere."""
    return Endings(early=(5,) * 20, in_full=98, late_seconds=0.0)


def punctual() -> Endings:
    """All run in full, and end at once."""
    return Endings(early=(0,) * 20, in_full=98, late_seconds=0.0)


@pytest.mark.parametrize(
    ("used", "left", "within", "chance"),
    [
        pytest.param(0, 3600, 0, 0.0, id="not at once"),
        pytest.param(0, 3600, 1800, 0.25, id="half of the early ones in half of the time"),
        pytest.param(0, 3600, 90, 0.0125, id="within a twentieth, in proportion"),
        pytest.param(0, 3600, 3600, 1.0, id="all when its time is over"),
        pytest.param(1800, 1800, 900, 1 / 6, id="given that it has not ended in the first half"),
        pytest.param(1800, 1800, 1799.999, 1 / 3, id="just before the end, only those that end early"),
        pytest.param(3599, 1, 0, 0.0, id="not yet overdue"),
        pytest.param(3600, 0, 0, 1.0, id="overdue"),
        pytest.param(3700, -100, 0, 1.0, id="long overdue"),
        pytest.param(0, 3600, 99999, 1.0, id="long after"),
    ],
)
def test_the_chance_grows_with_time(used: float, left: float, within: float, chance: float) -> None:
    assert half_early().chance(used, left, within) == pytest.approx(chance, abs=1e-6)


def test_who_knows_nothing_expects_all_to_run_in_full() -> None:
    assert Endings(late_seconds=0.0).chance(0, 3600, 3599) == 0.0
    assert Endings(late_seconds=0.0).chance(0, 3600, 3600) == 1.0


def test_one_early_end_does_not_make_all_early() -> None:
    assert Endings(early=(0,) * 19 + (1,)).chance(0, 3600, 3599) == pytest.approx(1 / 3, abs=0.01)


def test_a_sweep_comes_late() -> None:
    swept = Endings(in_full=98, late_seconds=30.0)

    assert swept.chance(0, 3600, 3600) == 0.0
    assert swept.chance(0, 3600, 3630) == pytest.approx(0.5)
    assert swept.chance(0, 3600, 3660) == 1.0
    assert swept.chance(0, 3600, 99999) == 1.0


def test_a_sweep_that_is_hardly_late_is_late() -> None:
    assert Endings(in_full=98, late_seconds=0.5).chance(0, 3600, 3600) == 0.0


def test_some_are_renewed_at_their_end() -> None:
    renewed = Endings(in_full=78, renewals=20, renewed_seconds=1000.0, late_seconds=0.0)

    assert renewed.chance(0, 3600, 3600) == pytest.approx(0.8)
    assert renewed.chance(0, 3600, 4100) == pytest.approx(0.9)
    assert renewed.chance(0, 3600, 4600) == pytest.approx(1.0)
    assert renewed.chance(0, 3600, 99999) == pytest.approx(1.0)


def test_renewals_of_no_length_change_nothing() -> None:
    renewed = Endings(in_full=98, renewals=20, renewed_seconds=0.0, late_seconds=0.0)

    assert renewed.chance(0, 3600, 3600) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("spans", "ends"),
    [
        pytest.param(0, 0.0, id="none at first"),
        pytest.param(0.5, 0.0, id="none before the first is over"),
        pytest.param(1, 1.0, id="one a span"),
        pytest.param(3, 3.0, id="three in three"),
        pytest.param(2.5, 2.0, id="none between"),
        pytest.param(100, 8.0, id="no further than eight"),
    ],
)
def test_a_device_is_lent_again_and_again(spans: float, ends: float) -> None:
    assert punctual().turnover(spans) == pytest.approx(ends)


def test_early_ends_turn_a_device_over_sooner() -> None:
    assert half_early().turnover(0.5) == pytest.approx(0.27, abs=0.03)
    assert 4.9 > half_early().turnover(4) / punctual().turnover(4) * 4 > 4.6
