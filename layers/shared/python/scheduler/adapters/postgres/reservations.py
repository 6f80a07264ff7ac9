"""reservations: making, changing and finding promised windows."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.allocations import canonical_uuid, terms_row, wants_row
from scheduler.adapters.postgres.caps import cap_parameters, under_cap
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.caps import NO_CAPS, Capped, Caps
from scheduler.domain.model import RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import (
    Booking,
    Reservation,
    ReservationFilter,
    ReservationStatus,
    ReservationTotals,
    WindowCheck,
    reservation_of,
)

NOT_FOUND: Facts = {"outcome": "reservation_not_found"}


class PostgresReservations:
    """Books, changes, cancels and finds reservations. The routines settle the races; see routines/<name>.sql."""

    def __init__(self, database: Database, caps: Caps = NO_CAPS) -> None:
        """Work on one connection."""
        self._database = database
        self._cap = caps.reservations

    def book(self, booking: Booking, terms: QuotaTerms) -> Facts:
        """Book all windows in one round trip, or none."""
        book = "book_reservations(%(booking)s, %(terms)s::quota_terms, %(starts)s::timestamptz[], %(key)s::request_key)"
        facts: Facts = self._database.call(
            f"SELECT {under_cap(Capped.RESERVATIONS, self._cap, book)}",
            cap_parameters(self._cap, len(booking.starts))
            | {
                "tenant": booking.user.tenant_id,
                "user": booking.user.user_id,
                "booking": Json(_columns(booking)),
                "terms": terms_row(terms),
                "starts": list(booking.starts),
                "key": key_row(booking.key),
            },
        )
        return facts

    def change(self, reservation: Reservation, changes: Mapping[str, Any], terms: QuotaTerms) -> Facts:
        """Change the named columns in one round trip; the device stays where it still fits."""
        facts: Facts = self._database.call(
            "SELECT change_reservation(%(tenant)s, %(user)s, %(id)s::uuid, %(changes)s, %(terms)s::quota_terms)",
            {
                "tenant": reservation.user.tenant_id,
                "user": reservation.user.user_id,
                "id": reservation.id,
                "changes": Json(dict(changes)),
                "terms": terms_row(terms),
            },
        )
        return facts

    def cancel(self, reservation_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """Cancel in one round trip; an id that is no UUID is not found."""
        canonical = canonical_uuid(reservation_id)
        if canonical is None:
            return NOT_FOUND
        facts: Facts = self._database.call(
            "SELECT cancel_reservation(%(tenant)s, %(user)s, %(id)s::uuid, %(key)s::request_key)",
            {"tenant": tenant_id, "user": user_id, "id": canonical, "key": key_row(key)},
        )
        return facts

    def find(self, reservation_id: str, tenant_id: str | None, user_id: str | None) -> Reservation | None:
        """Find one by primary key."""
        facts = self._database.call(
            "SELECT reservation_facts(r) FROM reservations r WHERE r.id = %(id)s::uuid"
            " AND (%(tenant)s::text IS NULL OR r.tenant_id = %(tenant)s)"
            " AND (%(user)s::text IS NULL OR r.user_id = %(user)s)",
            {"id": canonical_uuid(reservation_id), "tenant": tenant_id, "user": user_id},
        )
        return None if facts is None else reservation_of(facts)

    def page(self, wanted: ReservationFilter) -> Sequence[Reservation]:
        """List soonest first by keyset: the order is an index's, whichever filter leads."""
        by_status = wanted.user_id is None
        conditions, parameters = _page_conditions(wanted, by_status=by_status)
        soonest = (
            "SELECT r.starts_at, r.id, reservation_facts(r) AS facts FROM reservations r"
            f" WHERE {' AND '.join(conditions)} ORDER BY r.starts_at, r.id LIMIT %(limit)s"
        )
        if by_status:
            soonest = _SOONEST_BY_STATUS.format(soonest=soonest)
        return [reservation_of(row["facts"]) for row in self._database.rows(soonest, parameters)]

    def check(self, wanted: WindowCheck) -> Facts:
        """Look at a window without locks: an answer of now, no promise."""
        facts: Facts = self._database.call(
            "SELECT check_window(%(pool)s, %(tenant)s, %(user)s, %(wants)s::device_wants, %(starts_at)s, %(ends_at)s)",
            {
                "pool": wanted.pool,
                "tenant": wanted.tenant_id,
                "user": wanted.user_id,
                "wants": wants_row(wanted.wants),
                "starts_at": wanted.window.starts_at,
                "ends_at": wanted.window.ends_at,
            },
        )
        return facts

    def totals(self, tenant_id: str | None) -> ReservationTotals:
        """Count what retention has left."""
        (row,) = self._database.rows(
            "SELECT coalesce(jsonb_object_agg(status, n), '{}') AS by_status,"
            " coalesce(sum(no_shows), 0)::int AS no_shows, (sum(lead) / sum(n))::float8 AS lead"
            " FROM (SELECT status, count(*) AS n, sum(extract(epoch FROM starts_at - created_at)) AS lead,"
            " count(*) FILTER (WHERE status = 'completed' AND failure IS NOT NULL) AS no_shows"
            " FROM reservations WHERE %(tenant)s::text IS NULL OR tenant_id = %(tenant)s GROUP BY status) counted",
            {"tenant": tenant_id},
        )
        by_status = {status: row["by_status"].get(status, 0) for status in ReservationStatus}
        return ReservationTotals(by_status, row["no_shows"], row["lead"])

    def attend(self, user: User) -> None:
        """Note that a user came, by the index of those that nobody came for; one that is ending just now is past it."""
        self._database.call(
            "UPDATE reservations SET claimed_at = scheduler_clock()"
            " WHERE id IN (SELECT id FROM reservations WHERE (user_id, tenant_id) = (%(user)s, %(tenant)s)"
            " AND status = 'executing' AND claimed_at IS NULL FOR UPDATE SKIP LOCKED)",
            {"tenant": user.tenant_id, "user": user.user_id},
        )


# Where only tenant and time lead, indexes begin with the status: the soonest of each status, then the soonest of those.
_SOONEST_BY_STATUS = (
    "SELECT r.* FROM unnest(%(statuses)s) kind (status) CROSS JOIN LATERAL ({soonest}) r"
    " ORDER BY r.starts_at, r.id LIMIT %(limit)s"
)


def _columns(booking: Booking) -> dict[str, Any]:
    wants = booking.wants
    return {
        "tenant_id": booking.user.tenant_id,
        "user_id": booking.user.user_id,
        "duration_minutes": booking.minutes,
        "device_type": wants.device_type,
        "min_cpu": wants.min_cpu,
        "min_memory_mb": wants.min_memory_mb,
        "min_storage_mb": wants.min_storage_mb,
        "metadata": booking.metadata,
        "remind_before_minutes": booking.remind_before_minutes,
        "time_zone": booking.time_zone,
    }


def _page_conditions(wanted: ReservationFilter, *, by_status: bool) -> tuple[list[str], dict[str, Any]]:
    after_at, after_id = wanted.after or (None, None)
    filters: list[tuple[str, Any]] = [
        ("r.tenant_id = %(tenant)s", wanted.tenant_id),
        ("r.user_id = %(user)s", wanted.user_id),
        ("r.status = kind.status" if by_status else "r.status = %(status)s", True if by_status else wanted.status),
        ("r.starts_at >= %(since)s", wanted.since),
        ("r.starts_at < %(until)s", wanted.until),
        ("(r.starts_at, r.id) > (%(after_at)s, %(after_id)s::uuid)", after_at),
    ]
    parameters = {
        "tenant": wanted.tenant_id,
        "user": wanted.user_id,
        "status": wanted.status,
        "statuses": [wanted.status] if wanted.status else list(ReservationStatus),
        "since": wanted.since,
        "until": wanted.until,
        "after_at": after_at,
        "after_id": after_id,
        "limit": wanted.limit + 1,
    }
    return [condition for condition, value in filters if value is not None], parameters
