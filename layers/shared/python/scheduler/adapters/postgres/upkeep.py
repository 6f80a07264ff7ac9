"""What the hourly and daily jobs read and remove."""

from collections.abc import Mapping
from typing import Any

from scheduler.adapters.postgres.connection import Database


class PostgresUpkeep:
    """Statistics and the removal of rows that have done their work."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def take_statistics(self) -> Mapping[str, Any]:
        """Count the fleet and keep one row a full hour."""
        figures: Mapping[str, Any] = self._database.call("SELECT take_statistics()", {})
        return figures

    def delete_spent(self, limit: int) -> int:
        """Delete up to `limit` of each kind of row that has done its work; tell how many."""
        deleted: int = self._database.call(
            "SELECT delete_spent(%(limit)s) + delete_deliveries(%(limit)s)", {"limit": limit}
        )
        return deleted

    def delete_usage_records(self, retention_days: int, limit: int, *, told_only: bool) -> int:
        """Delete up to `limit` records of usage that ended long ago, of those acknowledged or of all; tell how many."""
        deleted: int = self._database.call(
            "SELECT delete_usage_records(%(days)s, %(told_only)s, %(limit)s)",
            {"days": retention_days, "told_only": told_only, "limit": limit},
        )
        return deleted

    def delete_past_reservations(self, retention_days: int, limit: int) -> int:
        """Delete up to `limit` reservations that have ended and lie further back; tell how many."""
        deleted: int = self._database.call(
            "SELECT delete_past_reservations(%(days)s, %(limit)s)", {"days": retention_days, "limit": limit}
        )
        return deleted

    def delete_old_notices(self, days: int, limit: int) -> int:
        """Delete up to `limit` notices that are older; tell how many."""
        deleted: int = self._database.call(
            "SELECT delete_old_notices(%(days)s, %(limit)s)", {"days": days, "limit": limit}
        )
        return deleted

    def delete_acts(self, days: int, limit: int) -> int:
        """Delete up to `limit` entries of the audit log that are older; tell how many."""
        deleted: int = self._database.call("SELECT delete_acts(%(days)s, %(limit)s)", {"days": days, "limit": limit})
        return deleted
