"""Tell those who wait how long they will."""

from collections.abc import Mapping, Sequence

from scheduler.domain.calibration import Calibration, Estimate
from scheduler.ports.outlook import OutlookStore

CALIBRATION_DAYS = 7


class Estimator:
    """Estimates waits with a band, and tells how such estimates were kept."""

    def __init__(self, store: OutlookStore) -> None:
        """Take where the outlook is read."""
        self._store = store

    def estimate(self, entry_ids: Sequence[str]) -> Mapping[str, Estimate]:
        """Estimate the rest of some waits (at most 200), in one round trip; those that have ended are left out."""
        return self._store.read(entry_ids).estimates()

    def promise(self, entry_id: str) -> Estimate | None:
        """Estimate a wait that has just begun, and keep what was told; None: it is over already.

        Two round trips: one reads, one keeps.
        """
        estimate = self.estimate([entry_id]).get(entry_id)
        if estimate is not None:
            self._store.keep_promise(entry_id, estimate)
        return estimate

    def calibration(self, tenant_id: str | None = None) -> Calibration:
        """Tell how the promises of the last seven days were kept."""
        return self._store.calibration(tenant_id, CALIBRATION_DAYS)
