"""Moves the database's clock, so that hours pass without waiting."""

from datetime import datetime, timedelta

from scheduler.adapters.postgres.connection import Database


class Clock:
    """Replaces scheduler_clock() of one database by one with an offset."""

    def __init__(self, database: Database) -> None:
        """Start at the real time."""
        self._database = database
        database.call(
            "CREATE TABLE IF NOT EXISTS clock_offset AS SELECT interval '0' AS shift;"
            " GRANT SELECT ON clock_offset TO PUBLIC",
            {},
        )
        database.call(
            "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
            " $$ SELECT clock_timestamp() + shift FROM clock_offset $$",
            {},
        )

    def advance(self, **amount: float) -> None:
        """Let time pass, for example `minutes=5`."""
        self._database.call("UPDATE clock_offset SET shift = shift + %(by)s", {"by": timedelta(**amount)})

    def reset(self) -> None:
        """Go back to the beginning."""
        self._database.call("UPDATE clock_offset SET shift = '0'", {})

    def stop(self) -> None:
        """Stand still between one `advance` and the next: seconds are exact on a slow machine too."""
        self._database.call(
            "ALTER TABLE clock_offset ADD COLUMN stopped_at timestamptz NOT NULL DEFAULT clock_timestamp()", {}
        )
        self._database.call(
            "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS"
            " $$ SELECT stopped_at + shift FROM clock_offset $$",
            {},
        )

    def go_to(self, at: datetime) -> None:
        """Stand at an instant; the clock has been stopped."""
        self._database.call("UPDATE clock_offset SET shift = %(at)s - stopped_at", {"at": at})

    def read(self) -> datetime:
        """Tell what time it is."""
        now: datetime = self._database.call("SELECT scheduler_clock()", {})
        return now
