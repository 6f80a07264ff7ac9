"""Where allocations are renewed."""

from typing import Protocol

from scheduler.domain.model import User
from scheduler.domain.outcome import Facts
from scheduler.domain.renewal import RenewalRequest, RenewalTerms


class RenewalStore(Protocol):
    """Decides renewals. Each method is one transaction."""

    def owner(self, allocation_id: str, tenant_id: str | None) -> User | None:
        """Tell whose allocation it is; None: there is none in the tenant (None: any)."""

    def renew(self, request: RenewalRequest, terms: RenewalTerms) -> Facts:
        """Give an allocation a later end, or say why not."""

    def outlook(
        self, allocation_id: str, tenant_id: str | None, user_id: str | None, terms: RenewalTerms
    ) -> Facts | None:
        """Say what a renewal would be answered now; None: the tenant and user (None: any) have no such allocation."""
