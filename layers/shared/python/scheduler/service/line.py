"""Serve the line: lend what is free to those who wait, in their order."""

import logging
import time
from collections import Counter
from collections.abc import Sequence

from scheduler.domain.outcome import Facts, granted_allocation
from scheduler.domain.queue import StaleWaiter, stale_waiters
from scheduler.ports import AllocationStore, AvailableCache, Meter
from scheduler.ports.batches import QuotaBook
from scheduler.ports.queue import QueueStore
from scheduler.service.decisions import log_ended, log_granted

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
MAX_SECONDS = 20.0
"""A run leaves what it has not reached by then to the next."""
FRESH_SECONDS = 50
"""A quota document is believed for a minute, less the time that reading it and serving by it may take."""
BATCH = 100
TRIES = 2
"""How often a waiter is come to whose row or device is busy, before those behind her."""


class Line:
    """Serves waiters one by one; safe to run at the same time anywhere: the database keeps one order."""

    def __init__(
        self, queue: QueueStore, allocations: AllocationStore, quotas: QuotaBook, cache: AvailableCache, meter: Meter
    ) -> None:
        """Take the stores that decide, and where fresh quotas come from."""
        self._queue = queue
        self._allocations = allocations
        self._quotas = quotas
        self._cache = cache
        self._meter = meter

    def expire(self) -> int:
        """End the waits whose time is over; tell how many."""
        count = 0
        stop_at = time.monotonic() + MAX_SECONDS
        while time.monotonic() < stop_at and (ended := self._queue.expire(BATCH)):
            for wait in ended:
                self._meter.count("QueueExpired")
                names = {"entryId": wait.id, "userId": wait.user.user_id, "tenantId": wait.user.tenant_id}
                logger.info("waited in vain", extra={**names, "waitedSeconds": round(wait.waited_seconds)})
            count += len(ended)
        return count

    def serve(self, limit: int = MOST_AT_ONCE, seconds: float = MAX_SECONDS) -> int:
        """Lend devices in the order of the line until nobody can have one; tell how many were served.

        Overdue allocations are ended first: nobody waits beside one. Whose quota cannot be read now waits on, and holds
        up nobody.
        """
        stop_at = time.monotonic() + seconds
        if not self._queue.length():
            return 0
        self._reap(stop_at)
        served, passed, busy = 0, set[str](), Counter[str]()
        while served < limit and time.monotonic() < stop_at:
            facts = self._queue.serve_next(passed, FRESH_SECONDS)
            match facts["outcome"]:
                case "granted":
                    self._tell(facts)
                    served += 1
                case "stale":
                    passed.update(self._refresh(stale_waiters(facts)))
                case "busy":
                    busy[facts["entryId"]] += 1
                    passed.update(entry for entry, tries in busy.items() if tries >= TRIES)
                case _:
                    break
        return served

    def _reap(self, stop_at: float) -> None:
        while time.monotonic() < stop_at and (ended := self._allocations.expire_due(BATCH)):
            self._cache.evict()
            self._meter.count("AllocationsReaped", len(ended))
            for allocation in ended:
                log_ended(logger, allocation)

    def _refresh(self, stale: Sequence[StaleWaiter]) -> Sequence[str]:
        """Read the quotas of some waiters anew; give the entries whose could not be read."""
        documents = self._quotas.documents([waiter.user for waiter in stale])
        for waiter in stale:
            if waiter.user in documents:
                self._queue.refresh(waiter.entry_id, documents[waiter.user].terms_for(waiter.wants))
        return [waiter.entry_id for waiter in stale if waiter.user not in documents]

    def _tell(self, facts: Facts) -> None:
        self._cache.evict()
        allocation = granted_allocation(facts)
        self._meter.count("AllocationGranted")
        self._meter.count("QueueServed")
        self._meter.observe("QueueWait", facts["waitedSeconds"], "Seconds")
        log_granted(logger, allocation)
        waited = {"entryId": facts["entryId"], "tier": facts["tier"], "waitedSeconds": round(facts["waitedSeconds"])}
        logger.info("served", extra={**waited, "allocationId": allocation.id, "userId": allocation.user.user_id})
