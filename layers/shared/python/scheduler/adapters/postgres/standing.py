"""user_standing, payment_failures: what events say of users, and what follows at once."""

from collections.abc import Sequence
from typing import Any

from psycopg2.extras import Json

from scheduler.adapters.postgres.allocations import ENDED_COLUMNS, ended_from, terms_row
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.incoming import (
    BillingOverdue,
    PaymentFailed,
    PaymentSucceeded,
    StandingEvent,
    UserActivated,
    UserDeleted,
    UserQuotaUpdated,
    UserSuspended,
)
from scheduler.domain.model import EndedAllocation, User
from scheduler.domain.quota import QuotaTerms

_TOLD: dict[type[Any], str] = {
    UserSuspended: "suspended",
    UserDeleted: "deleted",
    UserActivated: "activated",
    BillingOverdue: "overdue",
    PaymentFailed: "payment_failed",
    PaymentSucceeded: "paid",
}


class PostgresStanding:
    """Applies events about users. The routines settle the races; see routines/<name>.sql."""

    def __init__(self, database: Database, *, keeps_quotas: bool) -> None:
        """Work on one connection; `keeps_quotas`: limits are kept here, and by no user service."""
        self._database = database
        self._keeps_quotas = keeps_quotas

    def note(self, event: StandingEvent) -> str | None:
        """Take over what an event says, and tell the reason that stands now, if any."""
        facts = self._database.call(
            "SELECT note_standing(%(event)s, %(at)s, %(tenant)s, %(user)s, %(what)s)",
            {"event": event.mark.id, "at": event.mark.at, "what": _TOLD[type(event)]} | _whose(event.user),
        )
        reason: str | None = facts["reason"]
        return reason

    def end_blocked(self, user: User, limit: int) -> Sequence[EndedAllocation]:
        """End up to `limit` allocations of a user who is blocked."""
        rows = self._database.rows(
            f"SELECT {ENDED_COLUMNS} FROM end_blocked(%(tenant)s, %(user)s, %(limit)s)", {"limit": limit} | _whose(user)
        )
        return [ended_from(row) for row in rows]

    def cancel_bookings(self, user: User, limit: int) -> int:
        """Cancel up to `limit` pending reservations of a user who is deleted."""
        cancelled: int = self._database.call(
            "SELECT cancel_bookings(%(tenant)s, %(user)s, %(limit)s)", {"limit": limit} | _whose(user)
        )
        return cancelled

    def note_limits(self, event: UserQuotaUpdated) -> str:
        """Have claims obey limits from now on, and keep them where no user service does."""
        outcome: str = self._database.call(
            "SELECT note_limits(%(event)s, %(at)s, %(tenant)s, %(user)s, %(limits)s::quota_terms, %(own)s)",
            {
                "event": event.mark.id,
                "at": event.mark.at,
                "limits": _limits_row(event),
                "own": Json(dict(event.told)) if self._keeps_quotas else None,
            }
            | _whose(event.user),
        )
        return outcome

    def end_excess(self, event: UserQuotaUpdated, limit: int) -> Sequence[EndedAllocation]:
        """End up to `limit` allocations beyond the limits of an event."""
        rows = self._database.rows(
            f"SELECT {ENDED_COLUMNS}"
            " FROM end_excess(%(event)s, %(tenant)s, %(user)s, %(limits)s::quota_terms, %(limit)s)",
            {"event": event.mark.id, "limits": _limits_row(event), "limit": limit} | _whose(event.user),
        )
        return [ended_from(row) for row in rows]


def _whose(user: User) -> dict[str, Any]:
    return {"tenant": user.tenant_id, "user": user.user_id}


def _limits_row(event: UserQuotaUpdated) -> tuple[Any, ...]:
    return terms_row(QuotaTerms(refusal=None, valid_until=None, limits=event.limits))
