"""Reservations in memory: windows are booked, one or a series, and cancelled.

What the simulator never asks is refused: changes, lists, totals, checks of a window. A conflict offers no others.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Never

from scheduler.domain.model import RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import (
    Booking,
    Reservation,
    ReservationFilter,
    ReservationStatus,
    WindowCheck,
    reservation_of,
)
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.booked import MemoryReservation
from tools.simulate.memory.fleet import MemoryDevice, Size, Wish
from tools.simulate.memory.quotas import ceiling_of, too_big
from tools.simulate.memory.records import wire

MOST_AHEAD = timedelta(days=90)


class MemoryReservations:
    """Books devices of a store, and cancels; notes who came."""

    def __init__(self, store: MemoryAllocations) -> None:
        """Work on the store's fleet."""
        self._store = store
        self._booked = store.booked

    def book(self, booking: Booking, terms: QuotaTerms) -> Facts:
        """Promise a device for each window, all or none, or say why not."""
        store = self._store
        if (kept := store.keys.kept(booking.key, store.now)) is not None:
            return kept
        answer = _wrong_start(booking.starts, store.now) or self._book_each(booking, terms)
        return store.keys.keep(booking.key, store.now, answer)

    def cancel(self, reservation_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """Cancel a pending one."""
        store = self._store
        if (kept := store.keys.kept(key, store.now)) is not None:
            return kept
        return store.keys.keep(key, store.now, self._cancel(self._seen(reservation_id, tenant_id, user_id)))

    def find(self, reservation_id: str, tenant_id: str | None, user_id: str | None) -> Reservation | None:
        """Find one of the tenant and user (None: any)."""
        found = self._seen(reservation_id, tenant_id, user_id)
        return reservation_of(found.facts) if found else None

    def attend(self, user: User) -> None:
        """Note that a user came for what was reserved for her and has begun."""
        self._booked.attend(user)

    def change(self, reservation: Reservation, changes: Mapping[str, Any], terms: QuotaTerms) -> Never:
        """Refuse to change one."""
        raise NotImplementedError("reservations are not changed in memory")

    def page(self, wanted: ReservationFilter) -> Never:
        """Refuse to list them."""
        raise NotImplementedError("reservations are not listed in memory")

    def check(self, wanted: WindowCheck) -> Never:
        """Refuse to look for windows."""
        raise NotImplementedError("free windows are not looked for in memory")

    def totals(self, tenant_id: str | None) -> Never:
        """Refuse to count them."""
        raise NotImplementedError("reservations are not counted in memory")

    def _book_each(self, booking: Booking, terms: QuotaTerms) -> Facts:
        store, series = self._store, self._store.new_id() if len(booking.starts) > 1 else None
        wish = store.fleet.wish(booking.user.tenant_id, booking.wants)
        made, taken = list[MemoryReservation](), list[datetime]()
        for start in booking.starts:
            end = start + timedelta(minutes=booking.minutes)
            usage = self._booked.usage(booking.user, start, end)
            most = ceiling_of(terms.limits, usage)
            if refusal := store.refusal(booking.user, terms, usage) or too_big(wish, most):
                self._booked.undo(made)
                limit = terms.limits.devices
                left = -1 if limit is None else max(limit - usage[0], 0)
                return {"outcome": "over_quota", "reason": refusal, "remainingDevices": left}
            if device := self._device(wish, most, (start, end), made):
                made.append(MemoryReservation(store.new_id(), booking, device, start, store.now, series))
                self._booked.add(made[-1])
            else:
                taken.append(start)
        if not taken:
            return {"outcome": "booked", "reservations": [reservation.facts for reservation in made]}
        self._booked.undo(made)
        length = timedelta(minutes=booking.minutes)
        windows = [{"startTime": wire(start), "endTime": wire(start + length)} for start in taken]
        return {"outcome": "reservation_conflict", "conflicts": windows, "nextWindows": []}

    def _device(
        self, wish: Wish, most: Size, window: tuple[datetime, datetime], made: Sequence[MemoryReservation]
    ) -> MemoryDevice | None:
        """Give a device for a window: that of the window before, where it can be promised."""
        if made and self._booked.is_reservable(made[-1].device, *window):
            return made[-1].device
        return self._booked.reservable((spec for spec in wish.classes if spec.kind.is_within(most)), *window)

    def _cancel(self, found: MemoryReservation | None) -> Facts:
        if found is None:
            return {"outcome": "reservation_not_found"}
        if found.status is not ReservationStatus.PENDING:
            return {"outcome": "reservation_not_pending"}
        self._booked.end(found, ReservationStatus.CANCELLED)
        return {"outcome": "cancelled", "reservation": found.facts}

    def _seen(self, reservation_id: str, tenant_id: str | None, user_id: str | None) -> MemoryReservation | None:
        found = self._booked.by_id.get(reservation_id)
        is_seen = found and tenant_id in {None, found.user.tenant_id} and user_id in {None, found.user.user_id}
        return found if is_seen else None


def _wrong_start(starts: Sequence[datetime], now: datetime) -> Facts | None:
    for start in sorted(starts):
        if start <= now:
            return {"outcome": "wrong_start", "detail": f"must be in the future: {wire(start)}"}
        if start > now + MOST_AHEAD:
            return {"outcome": "wrong_start", "detail": f"must be at most 90 days ahead: {wire(start)}"}
    return None
