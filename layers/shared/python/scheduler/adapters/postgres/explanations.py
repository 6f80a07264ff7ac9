"""Explanations: what a grant was decided by, and how a claim would end. Reads only."""

from scheduler.adapters.postgres.allocations import canonical_uuid, terms_row, wants_row
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.model import AllocationRequest
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms


class PostgresExplanations:
    """Asks the routines, one round trip each."""

    def __init__(self, database: Database) -> None:
        """Work on one connection."""
        self._database = database

    def allocation(self, allocation_id: str, tenant_id: str | None) -> Facts | None:
        """Look an allocation's decision up, of a tenant (None: of any)."""
        canonical = canonical_uuid(allocation_id)
        if canonical is None:
            return None
        facts: Facts | None = self._database.call(
            "SELECT explain_allocation(%(id)s::uuid, %(tenant)s)", {"id": canonical, "tenant": tenant_id}
        )
        return facts

    def request(self, wish: AllocationRequest, terms: QuotaTerms) -> Facts:
        """Look how a claim would end."""
        facts: Facts = self._database.call(
            "SELECT explain_request(%(tenant)s, %(user)s, %(wants)s::device_wants, %(terms)s::quota_terms,"
            " %(minutes)s)",
            {
                "tenant": wish.user.tenant_id,
                "user": wish.user.user_id,
                "wants": wants_row(wish.wants),
                "terms": terms_row(terms),
                "minutes": wish.minutes,
            },
        )
        return facts
