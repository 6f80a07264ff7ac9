"""What the queue and its dispatch need of the outside world."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from scheduler.domain.calibration import Calibration, Estimate
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts
from scheduler.domain.queue import EndedWait, QueueEntry, QueueFilter, QueueRequest, Tier, WaitFigures
from scheduler.domain.quota import QuotaTerms


class QueueStore(Protocol):
    """Where the line is kept and who is served is decided. Each method is one transaction."""

    def join(self, request: QueueRequest, terms: QuotaTerms, tier: Tier, head_start_seconds: int) -> Facts:
        """Put a user in line, or say why not."""

    def cancel(self, entry_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """End the wait of an entry of the tenant and user (None: any)."""

    def find(self, entry_id: str, tenant_id: str | None, user_id: str | None) -> QueueEntry | None:
        """Find one entry of the tenant and user (None: any)."""

    def page(self, wanted: QueueFilter) -> Sequence[QueueEntry]:
        """List one more than `wanted.limit`, newest first, so that the caller knows whether more follow."""

    def figures(self, hours: int) -> Sequence[WaitFigures]:
        """Count the waits of the last hours, by tier and in all."""

    def length(self) -> int:
        """Count who waits."""

    def serve_next(self, passed: Collection[str], fresh_seconds: int) -> Facts:
        """Lend a device to the first of the line who can have one, without those to be passed over."""

    def refresh(self, entry_id: str, terms: QuotaTerms) -> None:
        """Keep what the waiter's quota document allows now."""

    def expire(self, limit: int) -> Sequence[EndedWait]:
        """End up to `limit` waits that lasted as long as they may."""

    def hold(self, after_minutes: int) -> Facts:
        """Keep a device for one waiter who has waited so long."""

    def drop_holds(self, limit: int) -> int:
        """Give up to `limit` held devices back that are of no use to their waiters; tell how many."""

    def seconds_until_due(self) -> float | None:
        """Tell when the next thing falls due that dispatch does on time; None: nothing is to come."""


class Estimates(Protocol):
    """Tells those who wait how long they will."""

    def estimate(self, entry_ids: Sequence[str]) -> Mapping[str, Estimate]:
        """Estimate the rest of some waits, at most 200."""

    def promise(self, entry_id: str) -> Estimate | None:
        """Estimate a wait that has just begun, and keep what was told."""

    def calibration(self, tenant_id: str | None = None) -> Calibration:
        """Tell how such promises were kept."""


class Keeper(Protocol):
    """Keeps reservations; each method is bounded and tells how much it did."""

    def execute_due(self) -> int:
        """Make the allocations of reservations that have begun, and end those whose whole window went by."""

    def move_endangered(self) -> int:
        """Bind reservations to other devices whose own cannot serve them, or let them fail in good time."""

    def end_no_shows(self) -> int:
        """End reservations whose owners did not come."""
