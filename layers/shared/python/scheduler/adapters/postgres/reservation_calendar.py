"""reservations: what falls due, and what is done about it."""

from collections.abc import Sequence

from scheduler.adapters.postgres.allocations import ENDED_COLUMNS, ended_from, terms_row, wants_row
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import EndedAllocation
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms
from scheduler.domain.reservation import Reservation, reservation_of
from scheduler.ports.reservations import Due

PAGE = 100


class PostgresReservationCalendar:
    """Lists what is due, without locks; each change decides again under its own. See routines/<name>.sql."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def to_execute(self, after: Due | None) -> Sequence[Reservation]:
        """List pending ones whose window is now, soonest first."""
        return self._page(
            "SELECT reservation_facts(r) AS facts FROM reservations r"
            " WHERE r.status = 'pending' AND r.starts_at <= scheduler_now() AND r.ends_at > scheduler_now()",
            after,
        )

    def to_expire(self) -> Sequence[str]:
        """List pending ones whose window is over, by id."""
        return self._ids(
            "SELECT id::text FROM reservations WHERE status = 'pending' AND starts_at <= scheduler_now()"
            " AND ends_at <= scheduler_now() ORDER BY starts_at LIMIT %(limit)s"
        )

    def in_danger(self, after: Due | None) -> Sequence[Reservation]:
        """List pending ones of the next 24 hours whose device can no longer serve them, soonest first."""
        return self._page(
            "SELECT reservation_facts(r) AS facts FROM reservations r JOIN devices d ON d.id = r.device_id"
            " WHERE r.status = 'pending' AND r.starts_at > scheduler_now()"
            " AND r.starts_at <= scheduler_now() + interval '24 hours'"
            " AND NOT still_serves(d, r)",
            after,
        )

    def unclaimed(self, minutes: int) -> Sequence[str]:
        """List executing ones that nobody came for in so many minutes, by id."""
        return self._ids(
            "SELECT id::text FROM reservations WHERE status = 'executing' AND claimed_at IS NULL"
            " AND executed_at <= scheduler_now() - make_interval(mins => %(minutes)s)"
            " ORDER BY executed_at LIMIT %(limit)s",
            minutes=minutes,
        )

    def to_remind(self) -> Sequence[str]:
        """List those whose reminder is due, by id."""
        return self._ids(
            "SELECT id::text FROM reservations WHERE status = 'pending' AND remind_at <= scheduler_now()"
            " AND starts_at > scheduler_now() ORDER BY remind_at LIMIT %(limit)s"
        )

    def clear_devices(self) -> Sequence[EndedAllocation]:
        """End overdue allocations on devices whose reservation has begun."""
        rows = self._database.rows(f"SELECT {ENDED_COLUMNS} FROM clear_reserved_devices(%(limit)s)", {"limit": PAGE})
        return [ended_from(row) for row in rows]

    def reap(self, reservation: Reservation) -> Sequence[EndedAllocation]:
        """End overdue allocations of its owner, and of devices that would serve it; at most 20."""
        rows = self._database.rows(
            f"SELECT {ENDED_COLUMNS} FROM reap_overdue(%(tenant)s, %(user)s, %(wants)s::device_wants)",
            {
                "tenant": reservation.user.tenant_id,
                "user": reservation.user.user_id,
                "wants": wants_row(reservation.wants),
            },
        )
        return [ended_from(row) for row in rows]

    def execute(self, reservation_id: str, terms: QuotaTerms, *, last_attempt: bool) -> Facts:
        """Make the allocation in one round trip, or fail the reservation."""
        facts: Facts = self._database.call(
            "SELECT execute_reservation(%(id)s::uuid, %(terms)s::quota_terms, %(last)s)",
            {"id": reservation_id, "terms": terms_row(terms), "last": last_attempt},
        )
        return facts

    def expire(self, reservation_id: str) -> bool:
        """End one whose window is over; False: it is not so any more."""
        return bool(self._database.call("SELECT expire_reservation(%(id)s::uuid)", {"id": reservation_id}))

    def move(self, reservation_id: str, terms: QuotaTerms, notice_minutes: int) -> Facts:
        """Find another device; so many minutes before the start without one, fail it."""
        facts: Facts = self._database.call(
            "SELECT move_reservation(%(id)s::uuid, %(terms)s::quota_terms, %(notice)s)",
            {"id": reservation_id, "terms": terms_row(terms), "notice": notice_minutes},
        )
        return facts

    def end_no_show(self, reservation_id: str, minutes: int) -> Sequence[EndedAllocation]:
        """End the allocation that nobody came for in so many minutes; nothing when she came meanwhile."""
        rows = self._database.rows(
            f"SELECT {ENDED_COLUMNS} FROM end_no_show(%(id)s::uuid, %(minutes)s)",
            {"id": reservation_id, "minutes": minutes},
        )
        return [ended_from(row) for row in rows]

    def remind(self, reservation_id: str) -> bool:
        """Send its reminder; False: it was sent meanwhile."""
        return bool(self._database.call("SELECT remind_reservation(%(id)s::uuid)", {"id": reservation_id}))

    def _ids(self, statement: str, **parameters: object) -> Sequence[str]:
        return [row["id"] for row in self._database.rows(statement, {"limit": PAGE, **parameters})]

    def _page(self, statement: str, after: Due | None) -> Sequence[Reservation]:
        after_at, after_id = after or (None, None)
        rows = self._database.rows(
            f"{statement} AND (%(after_at)s::timestamptz IS NULL"
            " OR (r.starts_at, r.id) > (%(after_at)s, %(after_id)s::uuid))"
            " ORDER BY r.starts_at, r.id LIMIT %(limit)s",
            {"after_at": after_at, "after_id": after_id, "limit": PAGE},
        )
        return [reservation_of(row["facts"]) for row in rows]
