"""Prove, day by day, that the records are the allocations, and that the billing service knows of them."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from scheduler.domain.reconciliation import Part, Reconciliation, Untold
from scheduler.ports import Meter, SliceTooLarge
from scheduler.ports.billing import ReconciliationStore

logger = logging.getLogger(__name__)

ROWS = 5_000
FEWEST_ROWS = 20
"""Slices that take too long are halved down to this; if even that is too slow, the database needs help first."""
SPARE_SECONDS = 30.0
"""With less left a run begins no slice: one may take nine seconds, and saving comes after it."""
PATIENCE_HOURS = 24


class Reconciler:
    """Walks in slices and keeps its place after each, so that a run that is cut goes on in the next."""

    def __init__(self, store: ReconciliationStore, meter: Meter, *, tells: bool) -> None:
        """Take where rows are examined; `tells`: there is a billing service, which should know of each record."""
        self._store = store
        self._meter = meter
        self._tells = tells
        self._rows = ROWS

    def run(self, seconds_left: Callable[[], float]) -> Mapping[str, Any]:
        """Examine everything; what mismatches is logged, counted, and named by its allocation."""
        run = self._store.resume()
        while not run.complete and seconds_left() > SPARE_SECONDS:
            part = self._examine(run)
            if part is None:
                continue
            _log(part)
            saved = self._store.save(run.past(part))
            if saved is None:
                return {"complete": False, "examined": run.examined, "mismatches": run.count}  # another run took over
            run = saved
        untold = self._store.untold(PATIENCE_HOURS) if self._tells else Untold(0)
        self._tell(run, untold)
        return {
            "complete": run.complete,
            "examined": run.examined,
            "mismatches": run.count,
            "allocationIds": [mismatch.allocation_id for mismatch in run.mismatches],
            "undelivered": untold.count,
        }

    def _examine(self, run: Reconciliation) -> Part | None:
        try:
            return self._store.examine(run, self._rows)
        except SliceTooLarge:
            if self._rows <= FEWEST_ROWS:
                raise
            self._rows //= 2
            return None

    def _tell(self, run: Reconciliation, untold: Untold) -> None:
        """Count what stands: what the last whole walk found does, until another has been everywhere."""
        known = run.count if run.complete else max(run.count, self._store.last_count())
        self._meter.count("ReconcileMismatches", known)
        if self._tells:
            self._meter.count("ReconcileUndelivered", untold.count)
        if untold.count:
            facts = {"count": untold.count, "allocationIds": list(untold.allocation_ids)}
            logger.error("records not delivered", extra=facts)


def _log(part: Part) -> None:
    if part.count:
        named = [{"allocationId": found.allocation_id, "fault": found.fault} for found in part.mismatches]
        logger.error("records differ", extra={"count": part.count, "rows": named})
