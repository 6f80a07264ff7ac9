"""A world for the machine."""

import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from scheduler.adapters.postgres.connection import Database
from tests.model.world import World
from tests.support.clock import Clock

TELL_EVERY = 50
pytest.register_assert_rewrite("tests.model.machine")


@pytest.fixture
def world(
    database: Database, clock: Clock, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Iterator[World]:
    """An empty database; what the use cases log of a hundred thousand steps is not kept."""
    long = settings.default is not None and settings.default.max_examples > settings.get_profile("short").max_examples

    def tell(ended: int) -> None:
        if long and ended % TELL_EVERY == 0:
            with capsys.disabled():
                most = settings.default.max_examples
                sys.stdout.write(f"\r{min(ended, most):,} of {most:,} examples held ")
                sys.stdout.flush()

    with caplog.at_level(logging.CRITICAL, logger="scheduler"):
        yield World(database, clock, tell)
