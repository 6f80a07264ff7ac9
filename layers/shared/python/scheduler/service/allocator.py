"""Lend a device to a user, or refuse and say why."""

import logging

from scheduler.domain.errors import SchedulerError
from scheduler.domain.model import Allocation, AllocationRequest
from scheduler.domain.outcome import Facts, accepted, granted_allocation
from scheduler.domain.quota import QuotaTerms
from scheduler.ports import Admission, AllocationStore, Gate, Meter, QuotaSource
from scheduler.service.decisions import log_ended, log_granted, log_refused
from scheduler.service.quota_reading import read_quota
from scheduler.service.solvency import Solvency

logger = logging.getLogger(__name__)


class Allocator:
    """One call of the database grants; a refusal is worth three: nobody is refused while a device is overdue."""

    def __init__(
        self, store: AllocationStore, quotas: QuotaSource, gate: Gate, meter: Meter, solvency: Solvency | None = None
    ) -> None:
        """Take the store that decides, and what makes it fast and polite. Without solvency nobody's balance counts."""
        self._store = store
        self._quotas = quotas
        self._gate = gate
        self._meter = meter
        self._solvency = solvency

    def allocate(self, request: AllocationRequest) -> Allocation:
        """Grant a device for the asked minutes.

        Raises:
            NoAvailableDevices: None that fits is free, and none is overdue.
            QuotaExceeded: The user's quota refuses.
            QuotaServiceUnavailable: The quota cannot be read.
            InsufficientBalance: The user cannot pay.
            BillingServiceUnavailable: Whether she can cannot be read.
            UserBusy: Another request of the user held her lock too long.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
            JoinedBefore: The same request, under its key, waits in the queue.
        """
        try:
            known = self._solvency.answer(request.user, request.key) if self._solvency else None
            facts = known or self._claim_in_line(request)
        except SchedulerError as refusal:
            self._tell_refusal(request, refusal)
            raise
        allocation = granted_allocation(facts)
        self._tell_grant(allocation)
        return allocation

    def _claim_in_line(self, request: AllocationRequest) -> Facts:
        with self._gate.admit_user(request.user) as admission:
            facts = accepted(self._claim(request, admission))
            admission.fleet_changed()
        return facts

    def _claim(self, request: AllocationRequest, admission: Admission) -> Facts:
        terms = self._terms(request, admission)
        facts = self._store.claim(request, terms, last_attempt=False)
        if facts["outcome"] == "worth_retrying":
            self._reap(request, admission)
            facts = self._store.claim(request, terms, last_attempt=True)
        return facts

    def _reap(self, request: AllocationRequest, admission: Admission) -> None:
        for ended in self._store.reap(request):
            admission.fleet_changed()
            self._meter.count("AllocationsReaped")
            log_ended(logger, ended)

    def _terms(self, request: AllocationRequest, admission: Admission) -> QuotaTerms:
        document = admission.quota or read_quota(request.user, self._quotas, self._gate)
        return document.terms_for(request.wants)

    def _tell_grant(self, allocation: Allocation) -> None:
        self._meter.count("AllocationGranted")
        log_granted(logger, allocation)

    def _tell_refusal(self, request: AllocationRequest, refusal: SchedulerError) -> None:
        self._meter.count(f"AllocationRefused.{refusal.code}")
        log_refused(logger, refusal, userId=request.user.user_id, tenantId=request.user.tenant_id)
