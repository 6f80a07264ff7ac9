"""Moves the database's clock, so that hours pass without waiting."""

from datetime import timedelta

from scheduler.adapters.postgres.connection import Database


class Clock:
    """Replaces scheduler_clock() of one test database by one with an offset."""

    def __init__(self, database: Database) -> None:
        """Start at the real time."""
        self._database = database
        database.call("CREATE TABLE clock_offset AS SELECT interval '0' AS shift", {})
        database.call(
            "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
            " $$ SELECT clock_timestamp() + shift FROM clock_offset $$",
            {},
        )

    def advance(self, **amount: float) -> None:
        """Let time pass, for example `minutes=5`."""
        self._database.call("UPDATE clock_offset SET shift = shift + %(by)s", {"by": timedelta(**amount)})
