"""What is kept of a user's standing, and of the limits that events tell of her. Each method is one transaction."""

from collections.abc import Sequence
from typing import Protocol

from scheduler.domain.incoming import StandingEvent, UserQuotaUpdated
from scheduler.domain.model import EndedAllocation, User


class StandingStore(Protocol):
    """Where events about users take effect: each once, whenever and however often it comes."""

    def note(self, event: StandingEvent) -> str | None:
        """Take over what it says; block her while any reason stands, and tell that reason, else None.

        Who is blocked waits for nothing any more.
        """

    def end_blocked(self, user: User, limit: int) -> Sequence[EndedAllocation]:
        """End up to `limit` allocations of a user, the oldest first, if she is blocked."""

    def cancel_bookings(self, user: User, limit: int) -> int:
        """Cancel up to `limit` pending reservations of a user, if she is deleted; tell how many."""

    def note_limits(self, event: UserQuotaUpdated) -> str:
        """Have claims obey the limits from now on: fresh | applied (before) | stale (newer ones are known)."""

    def end_excess(self, event: UserQuotaUpdated, limit: int) -> Sequence[EndedAllocation]:
        """End up to `limit` allocations beyond the limits, the oldest first, unless newer limits are known."""
