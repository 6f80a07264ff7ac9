"""What integration tests share beyond the real parts."""

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.clock import Clock


@pytest.fixture
def still_clock(clock: Clock, database: Database) -> Clock:
    """The database's clock, standing still until the test moves it: seconds are exact on a slow machine too."""
    database.call("ALTER TABLE clock_offset ADD COLUMN stopped_at timestamptz NOT NULL DEFAULT clock_timestamp()", {})
    database.call(
        "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
        " $$ SELECT stopped_at + shift FROM clock_offset $$",
        {},
    )
    return clock
