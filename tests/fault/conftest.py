"""The servers that runs play on, once a test process."""

from collections.abc import Iterator

import pytest

from tests.fault.stage import Stage, stage


@pytest.fixture(scope="session")
def servers() -> Iterator[Stage]:
    """Postgres, Valkey, SNS and SQS."""
    with stage() as started:
        yield started
