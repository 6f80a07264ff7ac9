"""What an explanation needs of where allocations and devices are."""

from typing import Protocol

from scheduler.domain.model import AllocationRequest
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms


class Explanations(Protocol):
    """Where it is looked up what was decided by, and how a wish would stand now. Writes nothing."""

    def allocation(self, allocation_id: str, tenant_id: str | None) -> Facts | None:
        """Look an allocation's decision up, of a tenant (None: of any)."""

    def request(self, wish: AllocationRequest, terms: QuotaTerms) -> Facts:
        """Look how a claim would end."""
