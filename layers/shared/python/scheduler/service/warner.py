"""Tell holders that their time is nearly over."""

import time

from scheduler.ports import Meter
from scheduler.ports.notices import Warnings

BATCH = 100
MAX_SECONDS = 20
"""A run leaves what it has not reached by then to the next."""


class Warner:
    """Warns batch by batch; safe to run twice, late and in parallel."""

    def __init__(self, store: Warnings, meter: Meter) -> None:
        """Take the store that decides whose end is near."""
        self._store = store
        self._meter = meter

    def warn(self) -> int:
        """Send the event of every end that is near, each once; tell how many."""
        count = 0
        stop_at = time.monotonic() + MAX_SECONDS
        while time.monotonic() < stop_at:
            warned = self._store.warn_expiring(BATCH)
            if not warned:
                break
            count += warned
        self._meter.count("AllocationsWarned", count)
        return count
