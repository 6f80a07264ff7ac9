"""Many calls in one: the same rules and events as the single calls, decided by one call of the database."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from scheduler.domain.batch import (
    Batch,
    BatchResult,
    Claim,
    Extension,
    Holdings,
    LaterEnd,
    Refused,
    batch_result,
    holdings,
)
from scheduler.domain.errors import Forbidden, SchedulerError
from scheduler.domain.model import Allocation, AllocationRequest, EndedAllocation, User
from scheduler.domain.outcome import Facts, ended_allocation, granted_allocation
from scheduler.domain.renewal import Renewal, renewal_made, renewal_terms
from scheduler.ports import AvailableCache, KeyStore, Meter
from scheduler.ports.batches import BatchStore, QuotaBook
from scheduler.ports.billing import BalanceSource
from scheduler.service.decisions import log_ended, log_granted, log_refused, log_renewed

logger = logging.getLogger(__name__)

MOST_LISTED = 50
"""Active allocations of one user in a query; who has more is asked for alone."""

_CHANGES_THE_FLEET = {"granted", "released", "expired"}
_NOT_FOUND: Facts = {"outcome": "not_found"}
_QUOTA_UNAVAILABLE: Facts = {"outcome": "quota_unavailable"}


class Batches:
    """Quotas are read first, all at once; then one call decides. Nobody's lock is held: rows are what settles races."""

    def __init__(
        self,
        store: BatchStore,
        quotas: QuotaBook,
        keys: KeyStore,
        cache: AvailableCache,
        meter: Meter,
        balances: BalanceSource | None = None,
    ) -> None:
        """Take the store that decides. Without balances nobody's counts."""
        self._store = store
        self._quotas = quotas
        self._keys = keys
        self._cache = cache
        self._meter = meter
        self._balances = balances

    def allocate(self, batch: Batch[AllocationRequest | Forbidden]) -> BatchResult[Allocation]:
        """Grant a device to each, one after the other.

        Raises:
            SchedulerError: The batch is atomic and an item failed; as the single call, with `index`, and for want of
                devices with `earliestForAll`.
            PayloadTooLarge: The items are more than one call can carry.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        users = [wish.user for wish in batch.items if isinstance(wish, AllocationRequest)]
        poor = self._refusals(users)
        documents = self._quotas.documents(users)

        def item(wish: AllocationRequest | Forbidden) -> Claim | Refused:
            if isinstance(wish, Forbidden):
                return Refused({"outcome": "forbidden", "reason": wish.detail})
            if wish.user in poor:
                return Refused(poor[wish.user])
            document = documents.get(wish.user)
            return Claim(wish, document.terms_for(wish.wants)) if document else Refused(_QUOTA_UNAVAILABLE)

        facts = self._store.claim(Batch(batch.tenant_id, [*map(item, batch.items)], batch.mode, batch.key))
        self._evict_after(facts)
        self._tell_reaped(facts)
        names = [_names_of(wish) for wish in batch.items]
        result = self._result(facts, names, granted_allocation, "AllocationRefused")
        self._meter.count("AllocationGranted", len(result.successes))
        for _, allocation in result.successes:
            log_granted(logger, allocation)
        return result

    def release(self, batch: Batch[str]) -> BatchResult[EndedAllocation]:
        """End each allocation; an overdue one ends as expired.

        Raises:
            AllocationNotFound, AllocationNotActive: The batch is atomic and this item failed; with `index`.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        facts = self._store.release(batch)
        self._evict_after(facts)
        names = [{"allocationId": allocation_id, "tenantId": batch.tenant_id} for allocation_id in batch.items]
        result = self._result(facts, names, ended_allocation, "ReleaseRefused")
        self._meter.count("AllocationReleased", len(result.successes))
        for _, ended in result.successes:
            log_ended(logger, ended)
        return result

    def renew(self, batch: Batch[str], later: LaterEnd) -> BatchResult[Renewal]:
        """Add the asked minutes to each allocation.

        Raises:
            SchedulerError: The batch is atomic and an item failed; as the single call, with `index`.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        holders = self._store.holders(batch.tenant_id, batch.items)
        poor = self._refusals(list(holders.values()))
        documents = self._quotas.documents(list(holders.values()))

        def item(allocation_id: str) -> Extension | Refused:
            if allocation_id not in holders:
                return Refused(_NOT_FOUND)
            if holders[allocation_id] in poor:
                return Refused(poor[holders[allocation_id]])
            document = documents.get(holders[allocation_id])
            return Extension(allocation_id, renewal_terms(document)) if document else Refused(_QUOTA_UNAVAILABLE)

        facts = self._store.renew(Batch(batch.tenant_id, [*map(item, batch.items)], batch.mode, batch.key), later)
        names = [{"allocationId": allocation_id, "tenantId": batch.tenant_id} for allocation_id in batch.items]
        result = self._result(facts, names, renewal_made, "RenewalRefused")
        self._meter.count("AllocationRenewed", len(result.successes))
        for index, renewal in result.successes:
            log_renewed(logger, renewal, holders.get(batch.items[index]))
        return result

    def active(self, batch: Batch[str]) -> BatchResult[Holdings]:
        """List what each user holds, the newest first, at most 50 each.

        Raises:
            PayloadTooLarge: The users are more than one call can carry.
            IdempotencyKeyReused: The key came with another body.
        """
        facts = self._keys.kept(batch.key) if batch.key else None
        if facts is None:
            facts = self._store.active(batch, MOST_LISTED)
            if batch.key:
                facts = self._keys.keep(batch.key, facts)
        return batch_result(facts, len(batch.items), holdings)

    def _refusals(self, users: Collection[User]) -> Mapping[User, Facts]:
        return self._balances.refusals(users) if self._balances else {}

    def _result[Result](
        self, facts: Facts, names: Sequence[dict[str, str | None]], read: Callable[[Facts], Result], refused: str
    ) -> BatchResult[Result]:
        try:
            result = batch_result(facts, len(names), read)
        except SchedulerError as refusal:
            self._meter.count(f"{refused}.{refusal.code}")
            log_refused(logger, refusal, **names[refusal.members.get("index", 0)])
            raise
        for failure in result.failures:
            log_refused(logger, failure.error, **names[failure.index])
        for code, number in Counter(failure.error.code for failure in result.failures).items():
            self._meter.count(f"{refused}.{code}", number)
        return result

    def _tell_reaped(self, facts: Facts) -> None:
        reaped = [ended_allocation(each) for each in facts.get("reaped", ())]
        if reaped:
            self._meter.count("AllocationsReaped", len(reaped))
        for ended in reaped:
            log_ended(logger, ended)

    def _evict_after(self, facts: Facts) -> None:
        """Evict the list of available devices, once, when any was lent or freed."""
        if facts.get("reaped") or any(result["outcome"] in _CHANGES_THE_FLEET for result in facts.get("results", ())):
            self._cache.evict()


def _names_of(wish: AllocationRequest | Forbidden) -> dict[str, str | None]:
    """Name whom an item is about; of one that may not be asked for, nobody."""
    return {} if isinstance(wish, Forbidden) else {"userId": wish.user.user_id, "tenantId": wish.user.tenant_id}
