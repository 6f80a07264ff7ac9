"""What takes a device from its holder needs of the outside world: failover, revocation, what is told of devices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from scheduler.domain.incoming import EventMark
from scheduler.domain.model import DeviceStatus, DeviceWants, EndedAllocation, RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.domain.quota import QuotaTerms


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an allocation, and what was asked of the device."""

    user: User
    wants: DeviceWants


@dataclass(frozen=True, slots=True)
class FailoverOrder:
    """One allocation to take off its device.

    `lost_since`: since when the device was of no use to its holder, which is credited; None: it served her until now.
    `is_failure`: that counts against the device. `device_id`: the one to leave; None: whichever it has.
    """

    allocation_id: str
    reason: str
    lost_since: datetime | None = None
    is_failure: bool = False
    mark: EventMark | None = None
    key: RequestKey | None = None
    device_id: str | None = None


class InterventionStore(Protocol):
    """Where allocations are moved and revoked. Each method is one transaction."""

    def holder(self, allocation_id: str) -> Holder | None:
        """Tell who holds an active allocation."""

    def holder_of_device(self, device_id: str) -> str | None:
        """Give the id of the active allocation of a device."""

    def fail_over(self, order: FailoverOrder, terms: QuotaTerms, *, may_move: bool, last_attempt: bool) -> Facts:
        """Move the allocation to another device, or end it."""

    def reap(self, holder: Holder) -> Sequence[EndedAllocation]:
        """End overdue allocations of devices that would serve the holder; at most 20."""

    def revoke(self, allocation_id: str, reason: str, key: RequestKey | None) -> Facts:
        """End one active allocation for an operator."""

    def note_status(self, mark: EventMark, device_id: str, status: DeviceStatus) -> Facts:
        """Take over the status that is told of a device, and name the allocation that it can serve no longer."""

    def note_deleted(self, mark: EventMark, device_id: str, reason: str) -> Facts:
        """Take a device off the fleet, and name the allocation that it served."""
