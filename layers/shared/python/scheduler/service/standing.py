"""Apply what events say of users: who may hold nothing any more, and who may hold less."""

import logging
from collections.abc import Callable, Sequence

from scheduler.domain.errors import Unavailable
from scheduler.domain.incoming import StandingEvent, UserQuotaUpdated
from scheduler.domain.model import EndedAllocation
from scheduler.ports import AvailableCache, Gate, Meter
from scheduler.ports.standing import StandingStore
from scheduler.service.decisions import log_ended

logger = logging.getLogger(__name__)

BATCH = 50
"""So many allocations or reservations end in one short transaction."""
MAX_BATCHES = 40
"""An event that would end more comes again, and goes on where it stopped."""


class Standing:
    """Blocks first, then ends until nothing is left, so that a claim at the same time keeps nothing.

    Dying in between is no loss: the event comes again, and what it has done already changes nothing.
    """

    def __init__(self, store: StandingStore, gate: Gate, cache: AvailableCache, meter: Meter) -> None:
        """Take the store that decides what stands, and the caches that would tell otherwise."""
        self._store = store
        self._gate = gate
        self._cache = cache
        self._meter = meter

    def apply(self, event: StandingEvent) -> None:
        """Take over what an event says of a user, and end all she holds while she is blocked.

        Raises:
            Unavailable: The database is away, or more is left to end; deliver it again.
        """
        reason = self._store.note(event)
        logger.info("standing noted", extra=_names(event) | {"reason": reason})
        if reason is not None:
            self._end(lambda: self._store.end_blocked(event.user, BATCH))
            _until_done(lambda: self._store.cancel_bookings(event.user, BATCH))

    def change_limits(self, event: UserQuotaUpdated) -> None:
        """Have a user's claims obey her new limits, and end what exceeds them, the oldest first.

        Raises:
            Unavailable: The database is away, or more is left to end; deliver it again.
        """
        outcome = self._store.note_limits(event)
        logger.info("limits noted", extra=_names(event) | {"outcome": outcome})
        if outcome != "stale":
            self._gate.forget_quota(event.user)
            self._end(lambda: self._store.end_excess(event, BATCH))

    def _end(self, end_some: Callable[[], Sequence[EndedAllocation]]) -> None:
        def end_and_tell() -> int:
            ended = end_some()
            if ended:
                self._cache.evict()
            for allocation in ended:
                self._meter.count("AllocationRevoked")
                log_ended(logger, allocation)
            return len(ended)

        _until_done(end_and_tell)


def _until_done(work: Callable[[], int]) -> None:
    for _ in range(MAX_BATCHES):
        if not work():
            return
    raise Unavailable("More is left to end than one delivery may")


def _names(event: StandingEvent | UserQuotaUpdated) -> dict[str, str | None]:
    return {"eventId": event.mark.id, "userId": event.user.user_id, "tenantId": event.user.tenant_id}
