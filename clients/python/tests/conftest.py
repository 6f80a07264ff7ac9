"""Each test has a scheduler of its own, in this process."""

import pytest

from faked_scheduler import Driver, Scheduler


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture
def driver(scheduler: Scheduler) -> Driver:
    return Driver(scheduler)
