"""Keep what was promised: begin reservations in time, move them off dead devices, remind, end what nobody came for."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scheduler.domain.errors import QuotaServiceUnavailable, Unavailable
from scheduler.domain.model import EndedAllocation
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import Reservation
from scheduler.ports import AvailableCache, Meter, QuotaSource
from scheduler.ports.reservations import Due, ReservationCalendar
from scheduler.service.decisions import log_ended, log_reservation

logger = logging.getLogger(__name__)

MAX_SECONDS = 20
"""A run leaves what it has not reached by then to the next."""
MAX_PAGES = 100
MAX_LEFT = 100
"""After so many reservations that could not be decided now, the cause is none of theirs: the next run goes on.

Many, since those whose owners' quotas cannot be read would else hold up the others in run after run.
"""


@dataclass(frozen=True, slots=True)
class KeepingPolicy:
    """Minutes of notice when no device is left; minutes an owner has to come (None: she may stay away)."""

    notice_minutes: int
    no_show_minutes: int | None


class ReservationKeeper:
    """Each method is bounded, safe to run twice, late and in parallel, and tells how many reservations it settled."""

    def __init__(
        self,
        calendar: ReservationCalendar,
        quotas: QuotaSource,
        cache: AvailableCache,
        meter: Meter,
        policy: KeepingPolicy,
    ) -> None:
        """Take the store that decides what is due."""
        self._calendar = calendar
        self._quotas = quotas
        self._cache = cache
        self._meter = meter
        self._policy = policy

    def execute_due(self) -> int:
        """Make the allocations of reservations whose window is now, or fail them; what is overdue there ends first."""
        self.expire_missed()
        self._clear_devices()
        count = self._settle(_soonest(self._calendar.to_execute), self._execute)
        self._meter.count("ReservationsExecuted", count)
        return count

    def expire_missed(self) -> int:
        """End pending reservations whose window is over: nobody served them in time."""
        count = self._settle(self._pages(self._calendar.to_expire), self._calendar.expire)
        self._meter.count("ReservationsExpired", count)
        return count

    def move_endangered(self) -> int:
        """Move coming reservations off devices that do not work; near the start, fail those that have no other."""
        return self._settle(_soonest(self._calendar.in_danger), self._move)

    def end_no_shows(self) -> int:
        """End the allocations that nobody came for, where that is wished."""
        minutes = self._policy.no_show_minutes
        if minutes is None:
            return 0
        count = self._settle(self._calendar.unclaimed(minutes), lambda found: self._end_no_show(found, minutes))
        self._meter.count("ReservationNoShows", count)
        return count

    def remind_due(self) -> int:
        """Send the reminders that are due, each once."""
        count = self._settle(self._pages(self._calendar.to_remind), self._calendar.remind)
        self._meter.count("ReservationReminders", count)
        return count

    def _settle[T](self, due: Iterable[T], settle: Callable[[T], bool]) -> int:
        """Settle one after the other; those that cannot be decided now are left to the next run.

        One that fails holds up none of the others; the failure is raised after them.
        """
        count = left = 0
        failure: Exception | None = None
        stop_at = time.monotonic() + MAX_SECONDS
        for reservation in due:
            if left == MAX_LEFT or time.monotonic() > stop_at:
                break
            try:
                count += settle(reservation)
            except (Unavailable, QuotaServiceUnavailable) as error:
                left += 1
                logger.warning("reservation left", extra={"code": error.code})
            except Exception as error:
                left, failure = left + 1, error
                logger.warning("reservation left", extra={"code": type(error).__name__})
        if failure is not None:
            raise failure
        return count

    def _pages(self, page: Callable[[], Sequence[str]]) -> Iterable[str]:
        """Give page after page, without those that came already: they were left, or are settled by another run."""
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            fresh = [found for found in page() if found not in seen]
            if not fresh:
                break
            seen.update(fresh)
            yield from fresh

    def _clear_devices(self) -> None:
        for _ in range(MAX_PAGES):
            if not self._told_ends(self._calendar.clear_devices()):
                break

    def _execute(self, reservation: Reservation) -> bool:
        terms = self._terms(reservation)
        facts = self._calendar.execute(reservation.id, terms, last_attempt=False)
        if facts["outcome"] == "worth_retrying":
            self._told_ends(self._calendar.reap(reservation))
            facts = self._calendar.execute(reservation.id, terms, last_attempt=True)
        if facts["outcome"] == "executed":
            self._cache.evict()
        return self._settled(reservation, facts, "executed")

    def _move(self, reservation: Reservation) -> bool:
        facts = self._calendar.move(reservation.id, self._terms(reservation), self._policy.notice_minutes)
        return self._settled(reservation, facts, "moved")

    def _end_no_show(self, reservation_id: str, minutes: int) -> bool:
        return self._told_ends(self._calendar.end_no_show(reservation_id, minutes)) > 0

    def _terms(self, reservation: Reservation) -> QuotaTerms:
        return self._quotas.document(reservation.user).terms_for(reservation.wants)

    def _settled(self, reservation: Reservation, facts: Facts, kept: str) -> bool:
        outcome = facts["outcome"]
        if outcome not in {kept, "failed"}:
            return False
        if outcome == "failed":
            self._meter.count("ReservationsFailed")
        log_reservation(logger, reservation, outcome, facts.get("reason"), facts["deviceId"])
        return True

    def _told_ends(self, ended: Sequence[EndedAllocation]) -> int:
        for allocation in ended:
            log_ended(logger, allocation)
        if ended:
            self._cache.evict()
        return len(ended)


def _soonest(page: Callable[[Due | None], Sequence[Reservation]]) -> Iterable[Reservation]:
    """Give page after page, each from where the one before ended."""
    after: Due | None = None
    for _ in range(MAX_PAGES):
        found = page(after)
        yield from found
        if not found:
            break
        after = (found[-1].window.starts_at, found[-1].id)
