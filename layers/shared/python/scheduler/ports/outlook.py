"""What the estimates of waits need of the outside world."""

from collections.abc import Sequence
from typing import Protocol

from scheduler.domain.calibration import Calibration, Estimate
from scheduler.domain.eta import Forecast


class OutlookStore(Protocol):
    """Where the line, the fleet and what the past teaches are read."""

    def read(self, entry_ids: Sequence[str]) -> Forecast:
        """Read, in one round trip, all that the wait of up to 200 entries is estimated from."""

    def keep_promise(self, entry_id: str, estimate: Estimate) -> None:
        """Keep what a waiter was told at the join, once."""

    def calibration(self, tenant_id: str | None, days: int) -> Calibration:
        """Tell how the promises of the last days were kept, to a tenant's users or (None) to all."""
