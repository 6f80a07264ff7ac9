"""Everything the scheduler refuses or fails with: a stable code, whether a retry can help, a default text.

The HTTP status of each stands in one table, `scheduler.edge.problems.PROBLEMS`.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar


class SchedulerError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init_subclass__(cls, *, retryable: bool = False, code: str = "") -> None:
        """Name the code after the class, `NoAvailableDevices` is `no_available_devices`, unless it shares another's."""
        cls.code = code or re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        cls.retryable = retryable

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after_seconds: int | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep what the caller is told: a text, when to come back, and extra members of the problem document."""
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.retry_after_seconds = retry_after_seconds
        self.members = dict(members or {})
        super().__init__(self.detail)


class InvalidJson(SchedulerError):
    """The body is not JSON."""


class ValidationFailed(SchedulerError):
    """The request has fields that are unknown, missing, of a wrong type or out of range."""


class PayloadTooLarge(SchedulerError):
    """The body is larger than 16 KB, or its metadata larger than 4 KB."""


class UnsupportedContentType(SchedulerError):
    """The body must be application/json."""


class RouteNotFound(SchedulerError):
    """There is no such route."""


class Unauthorized(SchedulerError):
    """The request carries no verified identity."""


class Forbidden(SchedulerError):
    """The caller may not do this."""


class NoAvailableDevices(SchedulerError, retryable=True):
    """No device that fits is free."""


class QuotaExceeded(SchedulerError):
    """The quota allows no further device."""


class CapExceeded(SchedulerError):
    """There are as many as the tenant, or the user, may have at a time."""


class QuotaServiceUnavailable(SchedulerError, retryable=True):
    """The quota could not be read."""


class InsufficientBalance(SchedulerError):
    """The balance does not suffice."""


class BillingServiceUnavailable(SchedulerError, retryable=True):
    """The balance could not be read."""


class AllocationNotFound(SchedulerError):
    """There is no such allocation."""


class AllocationNotActive(SchedulerError):
    """The allocation has ended."""


class RenewalRefused(SchedulerError):
    """The tier's rules, or a reservation, allow no such renewal."""


class RenewalForbidden(RenewalRefused, code="renewal_refused"):
    """The tier's rules never allow such a renewal."""


class ReservationNotFound(SchedulerError):
    """There is no such reservation."""


class ReservationNotPending(SchedulerError):
    """The reservation has begun or ended."""


class ReservationConflict(SchedulerError):
    """No device that fits is free for the whole window."""


class QueueEntryNotFound(SchedulerError):
    """There is no such queue entry."""


class QueueEntryNotWaiting(SchedulerError):
    """The wait has ended."""


class AlreadyQueued(SchedulerError):
    """The user waits for a device already."""


class NotificationNotFound(SchedulerError):
    """There is no such notification."""


class QuotaNotFound(SchedulerError):
    """There is no such quota."""


class PlanNotFound(SchedulerError):
    """There is no such plan."""


class QuotasKeptElsewhere(SchedulerError):
    """The user service keeps the quotas: change them there."""


class DeadLettersNotFound(SchedulerError):
    """There are no dead letters of this name."""


class StaleFencingToken(SchedulerError):
    """The fencing token is not that of the active allocation."""


class DeviceNotFound(SchedulerError):
    """There is no such device."""


class DeviceExists(SchedulerError):
    """A device with this id is registered already."""


class WebhookNotFound(SchedulerError):
    """There is no such webhook."""


class WebhookDisabled(SchedulerError):
    """The webhook is disabled."""


class TooManyWebhooks(SchedulerError):
    """The tenant has as many webhooks as it may have."""


class DeviceNotRestorable(SchedulerError):
    """The device is in service: there is nothing to restore."""


class UserBusy(SchedulerError, retryable=True):
    """Another request of the same user is still running."""


class RateLimited(SchedulerError, retryable=True):
    """Too many requests in a minute."""


class RequestInProgress(SchedulerError, retryable=True):
    """A request with this Idempotency-Key is still running."""


class IdempotencyKeyReused(SchedulerError):
    """This Idempotency-Key was used with another body."""


class Unavailable(SchedulerError, retryable=True):
    """The scheduler cannot answer just now."""
