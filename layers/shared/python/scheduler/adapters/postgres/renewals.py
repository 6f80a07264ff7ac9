"""allocation_renewals: later ends, and what a renewal would be answered."""

from typing import Any

from scheduler.adapters.postgres.allocations import canonical_uuid
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.keys import key_row
from scheduler.domain.model import User
from scheduler.domain.outcome import Facts
from scheduler.domain.renewal import RenewalRequest, RenewalTerms


class PostgresRenewals:
    """Renews allocations. `renewal_verdict` decides, for the renewal and for the look ahead."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def owner(self, allocation_id: str, tenant_id: str | None) -> User | None:
        """Look the holder up by primary key."""
        rows = self._database.rows(
            "SELECT tenant_id, user_id FROM device_allocations WHERE id = %(id)s::uuid"
            " AND (%(tenant)s::text IS NULL OR tenant_id = %(tenant)s)",
            {"id": canonical_uuid(allocation_id), "tenant": tenant_id},
        )
        return User(**rows[0]) if rows else None

    def renew(self, request: RenewalRequest, terms: RenewalTerms) -> Facts:
        """Renew in one round trip; an id that is no UUID is not found."""
        facts: Facts = self._database.call(
            "SELECT renew_allocation(%(tenant)s, %(user)s, %(allocation)s::uuid, %(terms)s::renewal_terms, %(minutes)s,"
            " %(reason)s, %(key)s::request_key)",
            {
                "tenant": request.tenant_id,
                "user": request.user_id,
                "allocation": canonical_uuid(request.allocation_id),
                "terms": renewal_terms_row(terms),
                "minutes": request.minutes,
                "reason": request.reason,
                "key": key_row(request.key),
            },
        )
        return facts

    def outlook(
        self, allocation_id: str, tenant_id: str | None, user_id: str | None, terms: RenewalTerms
    ) -> Facts | None:
        """Look ahead in one round trip, without a lock."""
        facts: Facts | None = self._database.call(
            "SELECT renewal_outlook(%(tenant)s, %(user)s, %(allocation)s::uuid, %(terms)s::renewal_terms)",
            {
                "tenant": tenant_id,
                "user": user_id,
                "allocation": canonical_uuid(allocation_id),
                "terms": renewal_terms_row(terms),
            },
        )
        return facts


def renewal_terms_row(terms: RenewalTerms) -> tuple[Any, ...]:
    """Give the renewal_terms argument of a routine."""
    tier = terms.tier
    return (
        terms.refusal,
        terms.valid_until,
        tier.max_count,
        tier.max_minutes,
        tier.max_total_minutes,
        tier.cooldown_seconds,
        tier.window_minutes,
    )
