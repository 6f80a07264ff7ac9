"""Give an allocation a later end, or say what is possible."""

import logging

from scheduler.domain.errors import AllocationNotFound, SchedulerError
from scheduler.domain.model import User
from scheduler.domain.outcome import Facts, accepted
from scheduler.domain.renewal import (
    Renewal,
    RenewalOutlook,
    RenewalRequest,
    renewal_made,
    renewal_outlook,
    renewal_terms,
)
from scheduler.ports import Gate, Meter, QuotaSource
from scheduler.ports.renewals import RenewalStore
from scheduler.service.decisions import log_refused, log_renewed
from scheduler.service.quota_reading import read_quota
from scheduler.service.solvency import Solvency

logger = logging.getLogger(__name__)


class Renewer:
    """One call of the database decides and renews. The tier comes from the holder's quota document, whoever asks."""

    def __init__(
        self, store: RenewalStore, quotas: QuotaSource, gate: Gate, meter: Meter, solvency: Solvency | None = None
    ) -> None:
        """Take the store that decides, and what makes it polite. Without solvency nobody's balance counts."""
        self._store = store
        self._quotas = quotas
        self._gate = gate
        self._meter = meter
        self._solvency = solvency

    def renew(self, request: RenewalRequest) -> Renewal:
        """Add the asked minutes to an active allocation.

        Raises:
            AllocationNotFound: There is none that the caller may renew.
            AllocationNotActive: It has ended, or its time is over.
            QuotaExceeded: The holder's quota is suspended or expired.
            RenewalRefused: A rule of her tier, or a reservation, stands in the way; `rule` says which.
            QuotaServiceUnavailable: Her quota cannot be read.
            InsufficientBalance: She cannot pay.
            BillingServiceUnavailable: Whether she can cannot be read.
            UserBusy: Another request of hers held her lock too long.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        try:
            owner = self._owner(request.allocation_id, request.tenant_id, request.user_id)
            known = self._solvency.answer(owner, request.key) if self._solvency else None
            renewal = renewal_made(known or self._renew_in_line(request, owner))
        except SchedulerError as refusal:
            self._meter.count(f"RenewalRefused.{refusal.code}")
            names = {"allocationId": request.allocation_id, "userId": request.user_id, "tenantId": request.tenant_id}
            log_refused(logger, refusal, **names)
            raise
        self._tell(renewal, owner)
        return renewal

    def outlook(self, allocation_id: str, tenant_id: str | None, user_id: str | None) -> RenewalOutlook:
        """Say what a renewal would be answered now. Tenant or user None: any.

        Raises:
            AllocationNotFound: There is none that the caller may see.
            QuotaServiceUnavailable: The holder's quota cannot be read.
        """
        owner = self._owner(allocation_id, tenant_id, user_id)
        facts = self._store.outlook(
            allocation_id, tenant_id, user_id, renewal_terms(read_quota(owner, self._quotas, self._gate))
        )
        if facts is None:
            raise AllocationNotFound
        return renewal_outlook(facts)

    def _renew_in_line(self, request: RenewalRequest, owner: User) -> Facts:
        with self._gate.admit_user(owner) as admission:
            terms = renewal_terms(admission.quota or read_quota(owner, self._quotas, self._gate))
            return accepted(self._store.renew(request, terms))

    def _owner(self, allocation_id: str, tenant_id: str | None, user_id: str | None) -> User:
        """Tell whose tier counts: a user's own, before anybody knows whether the allocation is hers."""
        if tenant_id is not None and user_id is not None:
            return User(tenant_id, user_id)
        owner = self._store.owner(allocation_id, tenant_id)
        if owner is None:
            raise AllocationNotFound
        return owner

    def _tell(self, renewal: Renewal, owner: User) -> None:
        self._meter.count("AllocationRenewed")
        log_renewed(logger, renewal, owner)
