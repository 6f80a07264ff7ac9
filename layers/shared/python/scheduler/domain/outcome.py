"""What the facts of a hot call mean: an object of the domain, or the error to tell."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from scheduler.domain.alternatives import alternatives_of, retry_after_seconds
from scheduler.domain.errors import (
    AllocationNotActive,
    AllocationNotFound,
    AlreadyQueued,
    BillingServiceUnavailable,
    CapExceeded,
    DeviceExists,
    DeviceNotFound,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientBalance,
    NoAvailableDevices,
    NotificationNotFound,
    QueueEntryNotFound,
    QueueEntryNotWaiting,
    QuotaExceeded,
    QuotaServiceUnavailable,
    RequestInProgress,
    ReservationConflict,
    ReservationNotFound,
    ReservationNotPending,
    SchedulerError,
    StaleFencingToken,
    TooManyWebhooks,
    ValidationFailed,
    WebhookDisabled,
    WebhookNotFound,
)
from scheduler.domain.model import Allocation, AllocationStatus, EndedAllocation, User
from scheduler.domain.renewal import renewal_refused

Facts = Mapping[str, Any]

QUOTA_RETRY_AFTER_SECONDS = 10
"""So long nobody asks the user service after it has failed."""
BALANCE_RETRY_AFTER_SECONDS = 10
"""And so long nobody asks the billing service."""

_REFUSALS: dict[str, Callable[[Facts], SchedulerError]] = {
    "none_free": lambda facts: NoAvailableDevices(
        retry_after_seconds=retry_after_seconds(facts), members={"alternatives": alternatives_of(facts)}
    ),
    "over_quota": lambda facts: QuotaExceeded(facts["reason"], members={"remainingDevices": facts["remainingDevices"]}),
    "cap_reached": lambda facts: CapExceeded(f"The {facts['whose']} may have {facts['cap']} {facts['what']} at a time"),
    "quota_unavailable": lambda _: QuotaServiceUnavailable(retry_after_seconds=QUOTA_RETRY_AFTER_SECONDS),
    "insufficient_balance": lambda _: InsufficientBalance(),
    "balance_unavailable": lambda _: BillingServiceUnavailable(retry_after_seconds=BALANCE_RETRY_AFTER_SECONDS),
    "forbidden": lambda facts: Forbidden(facts["reason"]),
    "not_found": lambda _: AllocationNotFound(),
    "not_active": lambda _: AllocationNotActive(),
    "stale_fence": lambda _: StaleFencingToken(),
    "renewal_forbidden": renewal_refused,
    "renewal_refused": renewal_refused,
    "already_queued": lambda facts: AlreadyQueued(members={"entryId": facts.get("entryId")}),
    "nothing_fits": lambda _: NoAvailableDevices(
        "No device in service meets these specs: waiting would not help", members={"alternatives": []}
    ),
    "entry_not_found": lambda _: QueueEntryNotFound(),
    "not_waiting": lambda _: QueueEntryNotWaiting(),
    "reservation_not_found": lambda _: ReservationNotFound(),
    "reservation_not_pending": lambda _: ReservationNotPending(),
    "reservation_conflict": lambda facts: ReservationConflict(
        members={"conflicts": facts["conflicts"], "nextWindows": facts["nextWindows"]}
    ),
    "wrong_start": lambda facts: ValidationFailed(
        members={"errors": [{"field": "startTime", "detail": facts["detail"]}]}
    ),
    "notification_not_found": lambda _: NotificationNotFound(),
    "device_exists": lambda facts: DeviceExists(f"Registered already or given twice: {', '.join(facts['ids'])}"),
    "device_not_found": lambda _: DeviceNotFound(),
    "webhook_not_found": lambda _: WebhookNotFound(),
    "webhook_disabled": lambda _: WebhookDisabled(),
    "too_many_webhooks": lambda _: TooManyWebhooks(),
    "key_reused": lambda _: IdempotencyKeyReused(),
    "in_progress": lambda _: RequestInProgress(retry_after_seconds=1),
}


class JoinedBefore(Exception):
    """The same request, under its key, found nothing free before and waits in the queue."""

    def __init__(self, entry_id: str) -> None:
        """Keep which entry is its own."""
        super().__init__(entry_id)
        self.entry_id = entry_id


def accepted(facts: Facts) -> Facts:
    """Give the facts back when the call was carried out.

    Raises:
        SchedulerError: The refusal that its outcome stands for.
    """
    refusal = _REFUSALS.get(facts["outcome"])
    if refusal is not None:
        raise refusal(facts)
    return facts


def granted_allocation(facts: Facts) -> Allocation:
    """Read the facts of a claim that was carried out.

    Raises:
        JoinedBefore: The same request waits in the queue.
    """
    if facts["outcome"] == "joined":
        raise JoinedBefore(facts["entryId"])
    return Allocation(
        id=facts["allocationId"],
        device_id=facts["deviceId"],
        device_name=facts["deviceName"],
        device_status=facts["deviceStatus"],
        user=User(facts["tenantId"], facts["userId"]),
        status=AllocationStatus.ALLOCATED,
        allocated_at=datetime.fromisoformat(facts["allocatedAt"]),
        expires_at=datetime.fromisoformat(facts["expiresAt"]),
        duration_minutes=facts["durationMinutes"],
        fencing_token=facts["fencingToken"],
        adb_host=facts["adbHost"],
        adb_port=facts["adbPort"],
    )


def ended_allocation(facts: Facts) -> EndedAllocation:
    """Read the facts of a release that was carried out."""
    return EndedAllocation(
        id=facts["allocationId"],
        device_id=facts["deviceId"],
        user=User(facts["tenantId"], facts["userId"]),
        status=AllocationStatus(facts["outcome"]),
        duration_seconds=facts["durationSeconds"],
    )
