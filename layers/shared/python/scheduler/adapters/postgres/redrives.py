"""redrives: who sends parked messages back, for the audit log."""

from scheduler.adapters.postgres.connection import Database


class PostgresRedrives:
    """One row a queue: its triggers write each act down."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def begin(self, name: str, limit: int) -> None:
        """Note that up to `limit` messages of a queue are about to be sent back."""
        self._database.call(
            "INSERT INTO redrives (name, most, begun_at) VALUES (%(name)s, %(limit)s, scheduler_clock())"
            " ON CONFLICT (name) DO UPDATE SET most = excluded.most, begun_at = excluded.begun_at",
            {"name": name, "limit": limit},
        )
