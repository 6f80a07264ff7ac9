"""What reserving, and keeping what was reserved, need of the outside world."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from scheduler.domain.model import EndedAllocation, RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import (
    Booking,
    Reservation,
    ReservationFilter,
    ReservationTotals,
    WindowCheck,
)


class ReservationStore(Protocol):
    """Where reservations are made and changed, and races are decided. Each method is one transaction."""

    def book(self, booking: Booking, terms: QuotaTerms) -> Facts:
        """Promise a device for each window, all or none, or say why not."""

    def change(self, reservation: Reservation, changes: Mapping[str, Any], terms: QuotaTerms) -> Facts:
        """Change the named columns of a pending one; it may get another device."""

    def cancel(self, reservation_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """Cancel a pending one."""

    def find(self, reservation_id: str, tenant_id: str | None, user_id: str | None) -> Reservation | None:
        """Find one of the tenant and user (None: any)."""

    def page(self, wanted: ReservationFilter) -> Sequence[Reservation]:
        """List one more than `wanted.limit`, soonest first, so that the caller knows whether more follow."""

    def check(self, wanted: WindowCheck) -> Facts:
        """Tell whether a window could be booked, what stands in its way, and the next windows."""

    def totals(self, tenant_id: str | None) -> ReservationTotals:
        """Count reservations of a tenant, or of all."""


class Attendances(Protocol):
    """Where it is noted that owners came."""

    def attend(self, user: User) -> None:
        """Note that a user came for what was reserved for her and has begun."""


type Due = tuple[datetime, str]
"""Start and id of a reservation: pages go on after it."""


class ReservationCalendar(Protocol):
    """What falls due. Lists are hints, at most 100 long; each change decides again under its locks."""

    def to_execute(self, after: Due | None) -> Sequence[Reservation]:
        """List pending ones whose window is now, soonest first."""

    def to_expire(self) -> Sequence[str]:
        """List pending ones whose window is over, by id."""

    def in_danger(self, after: Due | None) -> Sequence[Reservation]:
        """List pending ones of the next 24 hours whose device can no longer serve them: a page, soonest first."""

    def unclaimed(self, minutes: int) -> Sequence[str]:
        """List executing ones that nobody came for in so many minutes, by id."""

    def to_remind(self) -> Sequence[str]:
        """List those whose reminder is due, by id."""

    def clear_devices(self) -> Sequence[EndedAllocation]:
        """End overdue allocations on devices whose reservation has begun."""

    def reap(self, reservation: Reservation) -> Sequence[EndedAllocation]:
        """End overdue allocations of its owner, and of devices that would serve it."""

    def execute(self, reservation_id: str, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Make the allocation, or fail it."""

    def expire(self, reservation_id: str) -> bool:
        """End one whose window is over."""

    def move(self, reservation_id: str, terms: QuotaTerms, notice_minutes: int) -> Facts:
        """Find another device; so many minutes before the start without one, fail it."""

    def end_no_show(self, reservation_id: str, minutes: int) -> Sequence[EndedAllocation]:
        """End the allocation that nobody came for in so many minutes."""

    def remind(self, reservation_id: str) -> bool:
        """Send its reminder, once."""
