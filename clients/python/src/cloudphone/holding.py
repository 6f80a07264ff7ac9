"""What is known of an allocation that one has, and when it should be renewed. No I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from cloudphone.models import Allocation, AllocationDetail, AllocationStatus, RenewalOutlook

EARLY = timedelta(minutes=5)
"""How long before the end a renewal is asked for; of a short allocation, when half of it is left."""
SOONEST_AGAIN, LATEST_AGAIN = timedelta(seconds=1), timedelta(seconds=60)


class News(str, Enum):
    """What befell an allocation while it was kept."""

    RENEWED = "renewed"
    REFUSED = "refused"
    MOVED = "moved"
    UNREACHED = "unreached"
    LOST = "lost"


class Holding:
    """An allocation from its grant to its end: where its phone is now, until when, and why it is over."""

    def __init__(self, granted: Allocation | AllocationDetail, now: datetime) -> None:
        """Begin with what the scheduler said at `now` of its clock."""
        self.allocation_id = granted.allocation_id
        self.user_id = granted.user_id
        self.tenant_id = granted.tenant_id
        self.device = granted.device
        self.device_id = granted.device_id
        self.adb_host = granted.adb_host or ""
        self.adb_port = granted.adb_port or 0
        self.fencing_token = granted.fencing_token
        self.expires_at = granted.expires_at or now
        self.ended: str | None = None
        """Why it is over: released, expired, revoked, or a text; None while it goes on."""
        self._due_at = self._early_of(now)
        if isinstance(granted, AllocationDetail) and granted.status != AllocationStatus.ALLOCATED:
            self.ended = str(granted.status)

    @property
    def adb(self) -> str:
        """What `adb connect` takes: host:port."""
        return f"{self.adb_host}:{self.adb_port}"

    def follow(self, detail: AllocationDetail, now: datetime) -> str | None:
        """Take in what it is now; give "moved" when a failover put it on another phone."""
        if detail.status != AllocationStatus.ALLOCATED:
            self.end(str(detail.status))
            return None
        if detail.expires_at and detail.expires_at != self.expires_at:
            self.renewed(detail.expires_at, now)
        moved = detail.device_id != self.device_id
        self.device, self.device_id, self.fencing_token = detail.device, detail.device_id, detail.fencing_token
        self.adb_host, self.adb_port = detail.adb_host or "", detail.adb_port or 0
        return "moved" if moved else None

    def renewed(self, expires_at: datetime, now: datetime) -> None:
        """Take in a later end."""
        self.expires_at = expires_at
        self._due_at = self._early_of(now)

    def refused(self, next_renewal_at: datetime | None, now: datetime) -> None:
        """Ask again when the scheduler says, or after half of what is left, at most a minute: what forbids may pass."""
        again = min(max((self.expires_at - now) / 2, SOONEST_AGAIN), LATEST_AGAIN)
        self._due_at = next_renewal_at if next_renewal_at and next_renewal_at > now else now + again

    def end(self, why: str) -> None:
        """Take in that it is over; the first reason stays."""
        self.ended = self.ended or why

    def is_due(self, now: datetime) -> bool:
        """Tell whether it is time to renew."""
        return now >= self._due_at

    def look_again_seconds(self, now: datetime, at_most: float) -> float:
        """Give the seconds to the next look: when a renewal is due, within 1 and `at_most`."""
        return max(1.0, min(at_most, (self._due_at - now).total_seconds()))

    def _early_of(self, now: datetime) -> datetime:
        return self.expires_at - min(EARLY, max((self.expires_at - now) / 2, timedelta()))


def minutes_to_ask(outlook: RenewalOutlook, wanted: int | None) -> int:
    """Give by how much to renew: as much as is allowed, or `wanted` where that is less; 0: not now."""
    if not outlook.can_renew:
        return 0
    return min(wanted or outlook.max_additional_minutes, outlook.max_additional_minutes)


def covered_minutes(minutes: int, outlook: RenewalOutlook) -> int | None:
    """Give how long an allocation can last at most, with all its renewals; None: without limit."""
    if outlook.remaining_renewals < 0 and outlook.max_additional_minutes > 0:
        return None
    return minutes + max(outlook.remaining_renewals, 0) * outlook.max_additional_minutes
