"""Promised waits are kept: in a simulated week, nine of ten of those that were served took no longer than their p90."""

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.simulation.findings import Kept, kept
from tests.simulation.week import Week

SEED = 4
"""What others came to stands in docs/eta.md."""


@pytest.fixture
def week(database: Database) -> Week:
    """A week that is over."""
    played = Week(database, SEED)
    played.play()
    return played


def test_nine_of_ten_waits_end_within_the_p90_that_was_told_at_the_join(week: Week) -> None:
    found = kept(week.waits())

    assert found.known > 300
    assert found.unknown < found.known / 4
    assert 0.85 <= found.share_within_p90 <= 0.95
    assert 0.40 <= found.share_within_p50 <= 0.65
    calibration = week.estimator.calibration()
    assert Kept(calibration.known, calibration.unknown, calibration.within_p50, calibration.within_p90) == found
