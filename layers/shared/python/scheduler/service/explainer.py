"""Explain why a device was lent, and why a request would be refused."""

from scheduler.domain.errors import AllocationNotFound
from scheduler.domain.explanation import (
    ExplainedAllocation,
    ExplainedRequest,
    explained_allocation,
    explained_request,
)
from scheduler.domain.model import AllocationRequest
from scheduler.ports import QuotaSource
from scheduler.ports.explanations import Explanations


class Explainer:
    """Reads only: nothing is locked, lent, counted or told."""

    def __init__(self, store: Explanations, quotas: QuotaSource) -> None:
        """Take where decisions and devices are, and where quotas come from."""
        self._store = store
        self._quotas = quotas

    def allocation(self, allocation_id: str, tenant_id: str | None) -> ExplainedAllocation:
        """Explain a grant by what was written with it, and how the same wish would stand now.

        Raises:
            AllocationNotFound: There is none, or it is another tenant's.
        """
        facts = self._store.allocation(allocation_id, tenant_id)
        if facts is None:
            raise AllocationNotFound
        return explained_allocation(facts)

    def request(self, wish: AllocationRequest) -> ExplainedRequest:
        """Tell how a claim would end now, why, and what would have to change.

        Raises:
            QuotaServiceUnavailable: The quota cannot be read.
        """
        return explained_request(self._store.request(wish, self._quotas.document(wish.user).terms_for(wish.wants)))
