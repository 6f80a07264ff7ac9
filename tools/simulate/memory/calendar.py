"""What falls due of reservations in memory, and what is done about it. Reminders are not sent."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Never

from scheduler.domain.model import AllocationRequest, AllocationStatus, EndedAllocation
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import Reservation, ReservationStatus, reservation_of
from scheduler.ports.reservations import Due
from tools.simulate.memory.allocations import MemoryAllocations
from tools.simulate.memory.booked import MemoryReservation
from tools.simulate.memory.fleet import MemoryDevice, Size, Wish
from tools.simulate.memory.quotas import ceiling_of, too_big

PAGE = 100
LOOKS_AHEAD = timedelta(hours=24)
NOT_DUE: Facts = {"outcome": "not_due"}


class MemoryCalendar:
    """Keeps the reservations of a store."""

    def __init__(self, store: MemoryAllocations) -> None:
        """Work on the store's reservations."""
        self._store = store
        self._booked = store.booked

    def to_execute(self, after: Due | None) -> Sequence[Reservation]:
        """List pending ones whose window is now, soonest first."""
        return _page((one for one in self._begun() if one.ends_at > self._store.now), after)

    def to_expire(self) -> Sequence[str]:
        """List pending ones whose window is over, by id."""
        over = (one.id for one in self._begun() if one.ends_at <= self._store.now)
        return list(islice(over, PAGE))

    def in_danger(self, after: Due | None) -> Sequence[Reservation]:
        """List pending ones of the next 24 hours whose device can no longer serve them."""
        now = self._store.now
        return _page((r for r in self._booked.endangered() if now < r.starts_at <= now + LOOKS_AHEAD), after)

    def unclaimed(self, minutes: int) -> Sequence[str]:
        """List executing ones that nobody came for in so many minutes, by id."""
        since = self._store.now - timedelta(minutes=minutes)
        late = takewhile(lambda one: _began_by(one, since), self._booked.unclaimed.values())
        return [one.id for one in islice(late, PAGE)]

    def to_remind(self) -> Never:
        """Refuse to list reminders."""
        raise NotImplementedError("nobody is reminded in memory")

    def clear_devices(self) -> Sequence[EndedAllocation]:
        """End overdue allocations on devices whose reservation has begun."""
        lent = (one.device.active for one in self._begun())
        overdue = dict.fromkeys(a for a in lent if a and a.expires_at <= self._store.now)
        return self._store.end_all(list(islice(overdue, PAGE)))

    def reap(self, reservation: Reservation) -> Sequence[EndedAllocation]:
        """End overdue allocations of its owner, and of devices that would serve it."""
        asked = AllocationRequest(reservation.user, reservation.duration_minutes, reservation.wants)
        return self._store.reap(asked)

    def execute(self, reservation_id: str, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Make the allocation, or fail it."""
        store, found = self._store, self._pending(reservation_id)
        if found is None or not found.starts_at <= store.now < found.ends_at:
            return NOT_DUE
        wish = store.fleet.wish(found.user.tenant_id, found.booking.wants)
        refusal, most = store.refusal(found.user, terms), store.ceiling(found.user, terms)
        if refusal is None and (device := self._executable(found, wish, most)):
            facts = store.grant(device, found.user, found.booking.minutes, terms, found.ends_at)
            self._booked.begin(found, device, facts["allocationId"], store.now)
            return {**facts, "outcome": "executed", "reservationId": found.id}
        refusal = refusal or too_big(wish, most)
        if not last_attempt and store.worth_retrying(found.user, wish, most, refusal):
            return {"outcome": "worth_retrying"}
        return NOT_DUE if self._is_held_up(found, refusal) else self._fail(found, refusal or _NONE_FREE)

    def expire(self, reservation_id: str) -> bool:
        """End one whose window is over."""
        found = self._pending(reservation_id)
        if found is None or found.ends_at > self._store.now:
            return False
        self._booked.end(found, ReservationStatus.EXPIRED)
        return True

    def move(self, reservation_id: str, terms: QuotaTerms, notice_minutes: int) -> Facts:
        """Find another device; so many minutes before the start without one, fail it."""
        store, found = self._store, self._pending(reservation_id)
        if found is None or found.starts_at <= store.now or found.is_still_served:
            return NOT_DUE
        wish = store.fleet.wish(found.user.tenant_id, found.booking.wants)
        most = ceiling_of(
            terms.limits, self._booked.usage(found.user, found.starts_at, found.ends_at, without=found.id)
        )
        within = (spec for spec in wish.classes if spec.kind.is_within(most))
        if device := self._booked.reservable(within, found.starts_at, found.ends_at):
            self._booked.rebind(found, device)
            return found.facts | {"outcome": "moved"}
        if found.starts_at > store.now + timedelta(minutes=notice_minutes):
            return {"outcome": "unmoved"}
        return self._fail(found, _NONE_LEFT)

    def end_no_show(self, reservation_id: str, minutes: int) -> Sequence[EndedAllocation]:
        """End the allocation that nobody came for in so many minutes."""
        found = self._booked.unclaimed.get(reservation_id)
        since = self._store.now - timedelta(minutes=minutes)
        if found is None or found.allocation_id is None or not _began_by(found, since):
            return []
        found.reason = f"Nobody came within {minutes} minutes of the start"
        return self._store.end_all([self._store.by_id[found.allocation_id]], AllocationStatus.REVOKED)

    def remind(self, reservation_id: str) -> Never:
        """Refuse to remind anybody."""
        raise NotImplementedError("nobody is reminded in memory")

    def _begun(self) -> Iterator[MemoryReservation]:
        now = self._store.now
        return takewhile(lambda one: one.starts_at <= now, self._booked.pending)

    def _pending(self, reservation_id: str) -> MemoryReservation | None:
        found = self._booked.by_id.get(reservation_id)
        return found if found and found.status is ReservationStatus.PENDING else None

    def _executable(self, found: MemoryReservation, wish: Wish, most: Size) -> MemoryDevice | None:
        """Give the device that it begins on: its own, though it be kept for a waiter; else the best that is free."""
        own, within = found.device, [spec for spec in wish.classes if spec.kind.is_within(most)]
        if own.status == "running" and own.active is None and own.spec in within:
            return own
        return self._store.fleet.best(within, found.ends_at)

    def _is_held_up(self, found: MemoryReservation, refusal: str | None) -> bool:
        """Tell whether something overdue is all that keeps it from beginning."""
        own, now = found.device.active, self._store.now
        if refusal is None:
            return own is not None and own.expires_at <= now
        return any(a.user == found.user and a.expires_at <= now for a in self._store.active)

    def _fail(self, found: MemoryReservation, reason: str) -> Facts:
        self._booked.end(found, ReservationStatus.FAILED, reason)
        return found.facts | {"outcome": "failed"}


_NONE_FREE = "No device that fits is free"
_NONE_LEFT = "The device can no longer serve it, and no other that fits is free"


def _began_by(found: MemoryReservation, at: datetime) -> bool:
    return found.executed_at is not None and found.executed_at <= at


def _page(reservations: Iterable[MemoryReservation], after: Due | None) -> Sequence[Reservation]:
    coming = (one for one in reservations if after is None or one.place > after)
    return [reservation_of(one.facts) for one in islice(coming, PAGE)]
