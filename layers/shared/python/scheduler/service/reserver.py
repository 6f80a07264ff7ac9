"""Promise devices for future windows: book, change, cancel, look up."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.domain.errors import ReservationNotFound, SchedulerError
from scheduler.domain.model import DeviceWants, RequestKey, User
from scheduler.domain.outcome import Facts, accepted
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import (
    Booking,
    Conflicts,
    Reservation,
    ReservationFilter,
    ReservationTotals,
    WindowCheck,
    conflicts_of,
    reservation_of,
)
from scheduler.ports import Admission, Gate, KeyStore, Meter, QuotaSource
from scheduler.ports.reservations import ReservationStore
from scheduler.service.decisions import log_refused, log_reservation
from scheduler.service.quota_reading import read_quota

logger = logging.getLogger(__name__)


class Reserver:
    """One call of the database books a window, or a whole series."""

    def __init__(self, store: ReservationStore, keys: KeyStore, quotas: QuotaSource, gate: Gate, meter: Meter) -> None:
        """Take the store that decides, and what makes it fast and polite."""
        self._store = store
        self._keys = keys
        self._quotas = quotas
        self._gate = gate
        self._meter = meter

    def book(self, booking: Booking) -> Sequence[Reservation]:
        """Promise a device for each window; all or none.

        Raises:
            ReservationConflict: No device that fits is free for some of them.
            QuotaExceeded: The quota refuses: status, size, or number of own reservations at one time.
            QuotaServiceUnavailable: The quota cannot be read.
            ValidationFailed: A start lies in the past, or more than 90 days ahead.
            UserBusy: Another request of the user held her lock too long.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        try:
            with self._gate.admit_user(booking.user) as admission:
                terms = self._terms(booking.user, booking.wants, admission)
                facts = accepted(self._store.book(booking, terms))
        except SchedulerError as refusal:
            self._tell_refusal(refusal, booking.user)
            raise
        booked = [reservation_of(reservation) for reservation in facts["reservations"]]
        for reservation in booked:
            log_reservation(logger, reservation, "booked")
        return booked

    def change(self, found: Reservation, changes: Mapping[str, Any], wants: DeviceWants) -> Reservation:
        """Change the named columns of a pending reservation; `wants` is what it asks for then.

        Raises:
            ReservationNotFound, ReservationNotPending: There is none any more, or it has begun or ended.
            ReservationConflict, QuotaExceeded, QuotaServiceUnavailable, ValidationFailed, UserBusy: As for `book`.
        """
        try:
            with self._gate.admit_user(found.user) as admission:
                terms = self._terms(found.user, wants, admission)
                facts = accepted(self._store.change(found, changes, terms))
        except SchedulerError as refusal:
            self._tell_refusal(refusal, found.user)
            raise
        return _logged("changed", facts)

    def cancel(
        self, reservation_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None
    ) -> Reservation:
        """Cancel a pending reservation of the tenant and user (None: any).

        Raises:
            ReservationNotFound, ReservationNotPending: There is none, or it has begun or ended.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        return _logged("cancelled", accepted(self._store.cancel(reservation_id, tenant_id, user_id, key)))

    def reservation(self, reservation_id: str, tenant_id: str | None, user_id: str | None) -> Reservation:
        """Find one.

        Raises:
            ReservationNotFound: There is none, or it is another's.
        """
        found = self._store.find(reservation_id, tenant_id, user_id)
        if found is None:
            raise ReservationNotFound
        return found

    def reservations(self, wanted: ReservationFilter) -> tuple[Sequence[Reservation], bool]:
        """List soonest first, and tell whether more follow."""
        found = self._store.page(wanted)
        return found[: wanted.limit], len(found) > wanted.limit

    def check(self, wanted: WindowCheck, key: RequestKey | None) -> Conflicts:
        """Tell whether a window could be booked now; under a key, what it was told first.

        Raises:
            ValidationFailed: Its start lies in the past, or more than 90 days ahead.
            IdempotencyKeyReused: The key came with another body.
        """
        facts = self._keys.kept(key) if key else None
        if facts is None:
            facts = accepted(self._store.check(wanted))
            if key:
                facts = self._keys.keep(key, facts)
        return conflicts_of(accepted(facts))

    def totals(self, tenant_id: str | None) -> ReservationTotals:
        """Count reservations of a tenant, or of all."""
        return self._store.totals(tenant_id)

    def _terms(self, user: User, wants: DeviceWants, admission: Admission) -> QuotaTerms:
        document = admission.quota or read_quota(user, self._quotas, self._gate)
        return document.terms_for(wants)

    def _tell_refusal(self, refusal: SchedulerError, user: User) -> None:
        self._meter.count(f"ReservationRefused.{refusal.code}")
        log_refused(logger, refusal, userId=user.user_id, tenantId=user.tenant_id)


def _logged(change: str, facts: Facts) -> Reservation:
    reservation = reservation_of(facts["reservation"])
    log_reservation(logger, reservation, change)
    return reservation
