"""Remove what is older than its retention."""

from collections.abc import Callable
from dataclasses import dataclass

from scheduler.ports import AllocationStore, Meter, Upkeep

BATCH = 1000
MAX_BATCHES = 1000


@dataclass(frozen=True, slots=True)
class Cleaned:
    """How many rows a run removed."""

    allocations: int
    reservations: int
    usage_records: int
    notifications: int
    acts: int
    spent: int


class Cleaner:
    """Deletes in batches, so that no transaction is long and two runs at once share the work."""

    def __init__(
        self,
        store: AllocationStore,
        upkeep: Upkeep,
        meter: Meter,
        retention_days: int,
        *,
        usage_retention_days: int = 400,
        notification_retention_days: int = 90,
        audit_log_retention_days: int = 400,
        tells: bool = False,
    ) -> None:
        """Keep ended allocations and reservations for `retention_days`.

        `tells`: there is a billing service, and records that it has not acknowledged are kept until it has.
        """
        self._store = store
        self._upkeep = upkeep
        self._meter = meter
        self._retention_days = retention_days
        self._usage_retention_days = usage_retention_days
        self._notification_retention_days = notification_retention_days
        self._audit_log_retention_days = audit_log_retention_days
        self._tells = tells

    def clean(self) -> Cleaned:
        """Delete what is older than its retention: what ended, records, notices, operators' acts, spent rows."""
        cleaned = Cleaned(
            allocations=_in_batches(lambda: self._store.delete_ended(self._retention_days, BATCH)),
            reservations=_in_batches(lambda: self._upkeep.delete_past_reservations(self._retention_days, BATCH)),
            usage_records=_in_batches(self._delete_usage_records),
            notifications=_in_batches(
                lambda: self._upkeep.delete_old_notices(self._notification_retention_days, BATCH)
            ),
            acts=_in_batches(lambda: self._upkeep.delete_acts(self._audit_log_retention_days, BATCH)),
            spent=_in_batches(lambda: self._upkeep.delete_spent(BATCH)),
        )
        self._meter.count("AllocationsCleaned", cleaned.allocations)
        return cleaned

    def _delete_usage_records(self) -> int:
        days = max(self._usage_retention_days, self._retention_days)
        return self._upkeep.delete_usage_records(days, BATCH, told_only=self._tells)


def _in_batches(delete: Callable[[], int]) -> int:
    total = 0
    for _ in range(MAX_BATCHES):
        deleted = delete()
        total += deleted
        if not deleted:
            break
    return total
