"""Wait for a device: join the line, look at it, leave it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scheduler.domain.calibration import Calibration, Estimate
from scheduler.domain.errors import QueueEntryNotFound, SchedulerError
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import accepted
from scheduler.domain.queue import (
    EntryStatus,
    QueueEntry,
    QueueFilter,
    QueueRequest,
    WaitFigures,
    head_start_seconds,
    joined_entry,
    tier_of,
)
from scheduler.ports import Meter, QuotaSource
from scheduler.ports.queue import Estimates, QueueStore
from scheduler.service.decisions import log_refused
from scheduler.service.line import Line
from scheduler.service.solvency import Solvency

logger = logging.getLogger(__name__)

SERVE_SECONDS = 5.0
"""What a request that joined spends on serving the line before it answers."""


@dataclass(frozen=True, slots=True)
class Wait:
    """An entry, and how long it will still wait, where that can be told."""

    entry: QueueEntry
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """How waits ended over some hours, in all and by tier, and how the promises of those days were kept."""

    hours: int
    total: WaitFigures
    by_tier: Sequence[WaitFigures]
    calibration: Calibration


class Queue:
    """The line as its waiters see it. Tiers come from quota documents, never from callers."""

    def __init__(
        self,
        store: QueueStore,
        line: Line,
        quotas: QuotaSource,
        estimates: Estimates,
        meter: Meter,
        *,
        ageing_minutes: int,
        solvency: Solvency | None = None,
    ) -> None:
        """Take the store that keeps the line; `ageing_minutes` of waiting weigh as much as one tier."""
        self._store = store
        self._line = line
        self._quotas = quotas
        self._estimates = estimates
        self._meter = meter
        self._ageing_minutes = ageing_minutes
        self._solvency = solvency

    def join(self, request: QueueRequest) -> Wait:
        """Put a user in line and serve the line at once: her wait may be over with the answer.

        Raises:
            AlreadyQueued: She waits already.
            QuotaExceeded: Her quota will not allow it however long she waits.
            NoAvailableDevices: No device in service meets the specs.
            QuotaServiceUnavailable: Her quota cannot be read.
            InsufficientBalance: She cannot pay.
            BillingServiceUnavailable: Whether she can cannot be read.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        try:
            document = self._quotas.document(request.user)
            tier = tier_of(document.plan_name)
            head_start = head_start_seconds(tier, self._ageing_minutes)
            known = self._solvency.answer(request.user, request.key) if self._solvency else None
            terms = document.terms_for(request.wants)
            entry_id = joined_entry(known or self._store.join(request, terms, tier, head_start))
        except SchedulerError as refusal:
            self._meter.count(f"QueueRefused.{refusal.code}")
            log_refused(logger, refusal, userId=request.user.user_id, tenantId=request.user.tenant_id)
            raise
        self._meter.count("QueueJoined")
        names = {"entryId": entry_id, "userId": request.user.user_id, "tenantId": request.user.tenant_id}
        logger.info("joined", extra={**names, "tier": tier})
        self._serve()
        entry = self.entry(entry_id, request.user.tenant_id, request.user.user_id)
        return Wait(entry, self._promise(entry))

    def find(self, entry_id: str, tenant_id: str | None, user_id: str | None) -> Wait:
        """Find one wait of the tenant and user (None: any).

        Raises:
            QueueEntryNotFound: There is none, or it is another's.
        """
        entry = self.entry(entry_id, tenant_id, user_id)
        return Wait(entry, self._estimate([entry]).get(entry.id))

    def page(self, wanted: QueueFilter) -> tuple[Sequence[Wait], bool]:
        """List waits newest first, and tell whether more follow."""
        found = self._store.page(wanted)
        shown = found[: wanted.limit]
        estimates = self._estimate(shown)
        return [Wait(entry, estimates.get(entry.id)) for entry in shown], len(found) > wanted.limit

    def cancel(self, entry_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Wait:
        """End a wait before its time.

        Raises:
            QueueEntryNotFound: There is none, or it is another's.
            QueueEntryNotWaiting: It has ended.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        accepted(self._store.cancel(entry_id, tenant_id, user_id, key))
        entry = self.entry(entry_id, tenant_id, user_id)
        self._meter.count("QueueCancelled")
        names = {"entryId": entry.id, "userId": entry.user.user_id, "tenantId": entry.user.tenant_id}
        logger.info("wait cancelled", extra=names)
        return Wait(entry)

    def statistics(self, hours: int) -> QueueStatistics:
        """Tell how the waits of the last hours ended."""
        figures = self._store.figures(hours)
        (total,) = [row for row in figures if row.tier is None]
        by_tier = [row for row in figures if row.tier is not None]
        return QueueStatistics(hours, total, by_tier, self._estimates.calibration())

    def entry(self, entry_id: str, tenant_id: str | None, user_id: str | None) -> QueueEntry:
        """Find one entry of the tenant and user (None: any).

        Raises:
            QueueEntryNotFound: There is none, or it is another's.
        """
        entry = self._store.find(entry_id, tenant_id, user_id)
        if entry is None:
            raise QueueEntryNotFound
        return entry

    def _serve(self) -> None:
        """Serve the line; she has joined whatever comes of it, and the next dispatch serves what this one could not."""
        try:
            self._line.serve(seconds=SERVE_SECONDS)
        except Exception as error:
            logger.warning("degraded", extra={"part": "dispatch", "reason": type(error).__name__})

    def _promise(self, entry: QueueEntry) -> Estimate | None:
        if entry.status is not EntryStatus.WAITING:
            return None
        try:
            return self._estimates.promise(entry.id)
        except Exception as error:  # her place stands without it
            logger.warning("degraded", extra={"part": "estimate", "reason": type(error).__name__})
            return None

    def _estimate(self, entries: Sequence[QueueEntry]) -> Mapping[str, Estimate]:
        waiting = [entry.id for entry in entries if entry.status is EntryStatus.WAITING]
        if not waiting:
            return {}
        try:
            return self._estimates.estimate(waiting)
        except Exception as error:
            logger.warning("degraded", extra={"part": "estimate", "reason": type(error).__name__})
            return {}
