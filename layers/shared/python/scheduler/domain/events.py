"""The events that go out: each type once, with the schema of its data in events/schemas/<type>.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

SOURCE = "/scheduler"


class EventType(StrEnum):
    """What can have happened."""

    DEVICE_ALLOCATED = "device.allocated"
    DEVICE_RELEASED = "device.released"
    ALLOCATION_FAILED = "scheduler.allocation.failed"
    ALLOCATION_QUOTA_EXCEEDED = "scheduler.allocation.quota_exceeded"
    ALLOCATION_EXPIRED = "scheduler.allocation.expired"
    ALLOCATION_REVOKED = "scheduler.allocation.revoked"
    ALLOCATION_RENEWED = "scheduler.allocation.renewed"
    ALLOCATION_EXPIRING_SOON = "scheduler.allocation.expiring_soon"
    ALLOCATION_FAILED_OVER = "scheduler.allocation.failed_over"
    RESERVATION_CREATED = "scheduler.reservation.created"
    RESERVATION_UPDATED = "scheduler.reservation.updated"
    RESERVATION_CANCELLED = "scheduler.reservation.cancelled"
    RESERVATION_EXECUTED = "scheduler.reservation.executed"
    RESERVATION_FAILED = "scheduler.reservation.failed"
    RESERVATION_EXPIRED = "scheduler.reservation.expired"
    RESERVATION_REMINDER = "scheduler.reservation.reminder"
    QUEUE_JOINED = "scheduler.queue.joined"
    QUEUE_FULFILLED = "scheduler.queue.fulfilled"
    QUEUE_EXPIRED = "scheduler.queue.expired"
    QUEUE_CANCELLED = "scheduler.queue.cancelled"
    USER_BLOCKED = "scheduler.user.blocked"
    DEVICE_QUARANTINED = "scheduler.device.quarantined"
    DEVICE_RESTORED = "scheduler.device.restored"


class BrokenEvent(ValueError):
    """An event that can never be delivered as it is; a person has to look at it."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that committed and are not published: how many (as far as was counted), and how long the oldest waits."""

    events: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True)
class OutboxEvent:
    """An event that committed and waits to be published. Events of one group go out in the order of `position`.

    `waited_seconds` is how long it had been waiting when it was read, by the database's clock.
    """

    position: int
    id: str
    type: str
    subject: str
    group_id: str
    occurred_at: datetime
    data: Mapping[str, Any]
    waited_seconds: float = 0.0

    def envelope(self) -> dict[str, Any]:
        """Wrap it as CloudEvents 1.0 JSON."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "type": self.type,
            "source": SOURCE,
            "subject": self.subject,
            "time": self.occurred_at.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }
