"""End what is overdue: each minute by schedule, or now by request."""

import logging
import time

from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import accepted
from scheduler.ports import AllocationStore, AvailableCache, KeyStore, Meter
from scheduler.service.decisions import log_ended

logger = logging.getLogger(__name__)

BATCH = 100
MAX_SECONDS = 20
"""A sweep leaves what it has not reached by then to the next: its Lambda and the gateway have time limits."""


class Expirer:
    """Ends overdue allocations batch by batch; safe to run twice, late and in parallel."""

    def __init__(self, store: AllocationStore, keys: KeyStore, cache: AvailableCache, meter: Meter) -> None:
        """Take the store that decides what is due."""
        self._store = store
        self._keys = keys
        self._cache = cache
        self._meter = meter

    def expire(self) -> int:
        """End everything overdue; tell how many this run ended."""
        count = 0
        stop_at = time.monotonic() + MAX_SECONDS
        while time.monotonic() < stop_at:
            ended = self._store.expire_due(BATCH)
            if not ended:
                break
            self._cache.evict()
            for allocation in ended:
                log_ended(logger, allocation)
            count += len(ended)
        self._meter.count("AllocationsExpired", count)
        return count

    def expire_on_request(self, key: RequestKey | None) -> int:
        """Do the same once for an idempotency key; a repeated request is told the first one's count.

        Raises:
            IdempotencyKeyReused: The key came with another body.
        """
        if key is None:
            return self.expire()
        facts = self._keys.kept(key) or self._keys.keep(key, {"outcome": "expired", "count": self.expire()})
        count: int = accepted(facts)["count"]
        return count
