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
    spent: int


class Cleaner:
    """Deletes in batches, so that no transaction is long and two runs at once share the work."""

    def __init__(self, store: AllocationStore, upkeep: Upkeep, meter: Meter, retention_days: int) -> None:
        """Keep ended allocations and reservations for `retention_days`."""
        self._store = store
        self._upkeep = upkeep
        self._meter = meter
        self._retention_days = retention_days

    def clean(self) -> Cleaned:
        """Delete old ended allocations and reservations, published events, inbox marks and idempotency keys."""
        cleaned = Cleaned(
            allocations=_in_batches(lambda: self._store.delete_ended(self._retention_days, BATCH)),
            reservations=_in_batches(lambda: self._upkeep.delete_past_reservations(self._retention_days, BATCH)),
            spent=_in_batches(lambda: self._upkeep.delete_spent(BATCH)),
        )
        self._meter.count("AllocationsCleaned", cleaned.allocations)
        return cleaned


def _in_batches(delete: Callable[[], int]) -> int:
    total = 0
    for _ in range(MAX_BATCHES):
        deleted = delete()
        total += deleted
        if not deleted:
            break
    return total
