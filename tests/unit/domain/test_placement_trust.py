"""When the placement model is no longer followed."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from scheduler.domain.placement_model import PlacementModel
from scheduler.domain.placement_trust import (
    FEWEST,
    OLDEST_DAYS,
    WATCHED,
    Doubt,
    Tally,
    Watched,
    band,
    doubt,
    is_misordered,
    is_outside,
    is_stale,
    watched,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MODEL = PlacementModel(trained_at=NOW)
GOOD = Watched(Tally(200, 4.0, 4.0, 4), Tally(200, 16.0, 15.0, 16))


def about(value: Any, **within: Any) -> Any:
    """As good as this; may stand where a number does."""
    return pytest.approx(value, **within)


def test_a_model_is_stale_after_its_days() -> None:
    assert not is_stale(MODEL, NOW + timedelta(days=OLDEST_DAYS))
    assert is_stale(MODEL, NOW + timedelta(days=OLDEST_DAYS, seconds=1))
    assert is_stale(MODEL, NOW + timedelta(days=3), oldest_days=2)
    assert doubt(MODEL, Watched(), NOW + timedelta(days=3), oldest_days=2) is Doubt.STALE


def test_outcomes_are_halved_by_what_was_said_of_them() -> None:
    seen = watched([(0.3, True), (0.1, False), (0.4, True), (0.2, False), (0.5, False)])
    assert seen.safer == Tally(2, about(0.3), about(0.09 + 0.16), 0)
    assert seen.riskier == Tally(3, about(1.2), about(0.21 + 0.24 + 0.25), 2)


@pytest.mark.parametrize("first_fails", [True, False])
def test_among_equals_the_earlier_is_of_the_safer_half_whatever_came_of_it(*, first_fails: bool) -> None:
    seen = watched([(0.1, first_fails), (0.1, not first_fails)])
    assert (seen.safer.failed, seen.riskier.failed) == (first_fails, not first_fails)


def test_only_the_last_sessions_are_looked_at() -> None:
    seen = watched([(0.5, True)] * 10 + [(0.1, False)] * WATCHED)
    assert seen.safer.plus(seen.riskier) == Tally(WATCHED, about(0.1 * WATCHED), about(36.0), 0)


def test_failures_as_expected_raise_no_doubt() -> None:
    assert doubt(MODEL, GOOD, NOW) is None
    assert doubt(MODEL, Watched(), NOW) is None


def test_the_band_is_some_times_and_some_deviations_wide() -> None:
    assert band(Tally(500, 20.0, 12.0, 0)) == (0.0, 40 + 15)
    assert band(Tally(5000, 200.0, 312.0, 0)) == (100 - 75, 400 + 75)


@pytest.mark.parametrize(("failed", "is_out"), [(24, True), (25, False), (475, False), (476, True)])
def test_failures_out_of_the_band_raise_doubt(failed: int, *, is_out: bool) -> None:
    assert is_outside(Tally(5000, 200.0, 312.0, failed)) is is_out


def test_a_model_that_fails_too_often_is_doubted_once_enough_is_seen() -> None:
    def bad(sessions: int) -> Watched:
        return Watched(Tally(sessions // 2, 1, 1, 20), Tally(sessions - sessions // 2, 1, 1, 20))

    assert doubt(MODEL, bad(FEWEST), NOW) is Doubt.MISCALIBRATED
    assert doubt(MODEL, bad(FEWEST - 1), NOW) is None


def test_a_model_that_takes_the_risky_for_the_safe_is_doubted() -> None:
    turned = Watched(Tally(200, 4.0, 4.0, 20), Tally(200, 16.0, 15.0, 5))
    assert is_misordered(turned)
    assert doubt(MODEL, turned, NOW) is Doubt.MISORDERED
    assert not is_misordered(GOOD)


@pytest.mark.parametrize(("failed", "is_turned"), [(20, False), (21, True)])
def test_halves_are_out_of_order_beyond_two_and_a_half_deviations(failed: int, *, is_turned: bool) -> None:
    assert is_misordered(Watched(Tally(100, failed=failed), Tally(100, failed=8))) is is_turned


def test_nothing_is_out_of_order_where_nothing_is_or_nothing_fails() -> None:
    assert not is_misordered(Watched())
    assert not is_misordered(Watched(Tally(1, 1, 1, 1)))
    assert not is_misordered(Watched(Tally(200, 4, 4, 0), Tally(200, 16, 15, 0)))


def test_chance_alone_hardly_ever_raises_doubt() -> None:
    chance = Random(1)

    def outcomes() -> list[tuple[float, bool]]:
        rates = [chance.uniform(0.01, 0.08) for _ in range(WATCHED)]
        return [(rate, chance.random() < rate) for rate in rates]

    doubted = sum(doubt(MODEL, watched(outcomes()), NOW) is not None for _ in range(500))
    assert doubted <= 2
