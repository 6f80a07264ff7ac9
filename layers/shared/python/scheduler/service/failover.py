"""Take an allocation off its device: move it to another one, or end it."""

import logging
from collections.abc import Collection

from scheduler.domain.errors import QuotaServiceUnavailable, Unavailable
from scheduler.domain.model import AllocationStatus, EndedAllocation, RequestKey
from scheduler.domain.outcome import Facts, accepted, ended_allocation
from scheduler.domain.quota import QuotaLimits, QuotaTerms
from scheduler.ports import AvailableCache, Meter, QuotaSource
from scheduler.ports.interventions import FailoverOrder, Holder, InterventionStore
from scheduler.service.decisions import log_ended

logger = logging.getLogger(__name__)

EVERY_TENANT = "*"
_UNREAD = QuotaTerms(refusal="unread", valid_until=None, limits=QuotaLimits())
"""Terms that refuse: a device of the size that she has is given, and no larger one."""


class Failover:
    """One call of the database moves or ends; the quota is read before, and is not waited for when it cannot be."""

    def __init__(
        self,
        store: InterventionStore,
        quotas: QuotaSource,
        cache: AvailableCache,
        meter: Meter,
        off_for: Collection[str] = (),
    ) -> None:
        """Take the store that decides, and the tenants (`*`: all) whose allocations end instead of moving."""
        self._store = store
        self._quotas = quotas
        self._cache = cache
        self._meter = meter
        self._off_for = off_for

    def fail_over(self, order: FailoverOrder) -> Facts:
        """Move the allocation, or end it; the facts tell which: `moved`, `revoked` or `expired`.

        Raises:
            AllocationNotFound: There is none.
            AllocationNotActive: It has ended, or has left the device that the order names.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        facts = accepted(self._decide(order, self._store.holder(order.allocation_id)))
        self._cache.evict()
        self._tell(facts, order.reason)
        return facts

    def leave_device(self, device_id: str, reason: str) -> Facts | None:
        """Take whoever holds a device off it, which has not failed; None: nobody does. Called once it is not lent."""
        found = self._store.holder_of_device(device_id)
        return None if found is None else self.fail_over(FailoverOrder(found, reason, device_id=device_id))

    def revoke(self, allocation_id: str, reason: str, key: RequestKey | None) -> EndedAllocation:
        """End one active allocation; one whose time is over ends as expired.

        Raises:
            AllocationNotFound: There is none.
            AllocationNotActive: It has ended.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        ended = ended_allocation(accepted(self._store.revoke(allocation_id, reason, key)))
        self._cache.evict()
        self._tell_end(ended)
        return ended

    def _decide(self, order: FailoverOrder, holder: Holder | None) -> Facts:
        if holder is None:
            return self._store.fail_over(order, _UNREAD, may_move=False, last_attempt=True)
        may_move = not {EVERY_TENANT, holder.user.tenant_id} & set(self._off_for)
        terms = self._terms(holder) if may_move else _UNREAD
        facts = self._store.fail_over(order, terms, may_move=may_move, last_attempt=False)
        if facts["outcome"] == "worth_retrying":
            for ended in self._store.reap(holder):
                self._meter.count("AllocationsReaped")
                log_ended(logger, ended)
            facts = self._store.fail_over(order, terms, may_move=may_move, last_attempt=True)
        return facts

    def _terms(self, holder: Holder) -> QuotaTerms:
        try:
            return self._quotas.document(holder.user).terms_for(holder.wants)
        except (QuotaServiceUnavailable, Unavailable):
            logger.warning("degraded", extra={"part": "quota", "reason": "failover without it"})
            return _UNREAD

    def _tell(self, facts: Facts, reason: str) -> None:
        if facts["outcome"] == "moved":
            self._meter.count("AllocationFailedOver")
            names = ("allocationId", "userId", "tenantId", "oldDeviceId", "deviceId", "creditedSeconds")
            logger.info("failed over", extra={"reason": reason, **{name: facts[name] for name in names}})
        else:
            self._tell_end(ended_allocation(facts))
        if facts.get("quarantined"):
            self._meter.count("DeviceQuarantined")
            logger.warning("device quarantined", extra={"deviceId": facts.get("oldDeviceId", facts["deviceId"])})

    def _tell_end(self, ended: EndedAllocation) -> None:
        if ended.status is AllocationStatus.REVOKED:
            self._meter.count("AllocationRevoked")
        log_ended(logger, ended)
