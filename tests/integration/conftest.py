"""What integration tests share beyond the real parts."""

import pytest

from tests.support.clock import Clock


@pytest.fixture
def still_clock(clock: Clock) -> Clock:
    """The database's clock, standing still until the test moves it."""
    clock.stop()
    return clock
