"""What can go wrong: each code of a problem document is a class of its own, named after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""With its zone, as everything on the wire."""


class CloudPhoneError(Exception):
    """Anything that this package raises on purpose."""

    transient: bool = False
    """Whether the same request can be answered otherwise a little later."""
    retry_after_seconds: float | None = None


class NotReached(CloudPhoneError):
    """No answer came: no connection, or none in time."""

    transient = True


class UnreadableAnswer(CloudPhoneError):
    """A success whose body is not what the scheduler's document promises."""


class WaitEnded(CloudPhoneError):
    """The wait in the queue ended without a phone."""


class Problem(msgspec.Struct, frozen=True, rename="camel"):
    """A problem document (RFC 9457), with the members that some codes add."""

    code: str
    status: int
    detail: str
    title: str = ""
    instance: str = ""
    retryable: bool = False
    errors: list[dict[str, str]] | None = None
    alternatives: list[Alternative] | None = None
    remaining_devices: int | None = None
    rule: str | None = None
    max_additional_minutes: int | None = None
    next_renewal_at: Time | None = None
    remaining_renewals: int | None = None
    conflicts: list[dict[str, Time]] | None = None
    next_windows: list[dict[str, Time]] | None = None
    entry_id: str | None = None
    index: int | None = None
    earliest_for_all: Time | None = None


class Link(msgspec.Struct, frozen=True):
    """A request that would take up an offer."""

    method: str
    href: str
    body: dict[str, Any]


class Alternative(msgspec.Struct, frozen=True, rename="camel"):
    """What could be had instead of what was refused."""

    kind: str
    link: Link
    duration_minutes: int | None = None
    specs: dict[str, int] | None = None
    start_time: Time | None = None


class Refusal(CloudPhoneError):
    """The scheduler, or the gateway before it, said no; `problem` has all it said. Unknown codes are this class."""

    code: ClassVar[str] = ""
    known: ClassVar[dict[str, type[Refusal]]] = {}

    def __init_subclass__(cls) -> None:
        """Name the code after the class: `NoAvailableDevices` is `no_available_devices`."""
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        Refusal.known[cls.code] = cls

    def __init__(self, problem: Problem, retry_after_seconds: float | None = None) -> None:
        """Keep the document, and when to come back where that was said."""
        super().__init__(f"{problem.detail} ({problem.code})")
        self.problem = problem
        self.transient = problem.retryable
        self.retry_after_seconds = retry_after_seconds


class InvalidJson(Refusal):
    """The body is not JSON."""


class ValidationFailed(Refusal):
    """Fields are unknown, missing, of a wrong type or out of range: `problem.errors`."""


class PayloadTooLarge(Refusal):
    """The body is too large."""


class UnsupportedContentType(Refusal):
    """The body is not sent as JSON."""


class RouteNotFound(Refusal):
    """There is no such route."""


class Unauthorized(Refusal):
    """The token is missing, expired, or not for this scheduler."""


class Forbidden(Refusal):
    """The caller may not do this."""


class NoAvailableDevices(Refusal):
    """No phone that fits is free: `problem.alternatives` says what can be had instead."""


class QuotaExceeded(Refusal):
    """The quota allows no further phone."""


class CapExceeded(Refusal):
    """The tenant or the user has as many as it may have at a time."""


class QuotaServiceUnavailable(Refusal):
    """The quota could not be read."""


class InsufficientBalance(Refusal):
    """The user cannot pay."""


class BillingServiceUnavailable(Refusal):
    """The balance could not be read."""


class UserBusy(Refusal):
    """Another request of the same user, or for the same phone, took too long."""


class RateLimited(Refusal):
    """Too many requests in a minute."""


class AllocationNotFound(Refusal):
    """There is none, or it is somebody else's."""


class AllocationNotActive(Refusal):
    """The allocation has ended."""


class StaleFencingToken(Refusal):
    """The phone has been lent to somebody else since."""


class RenewalRefused(Refusal):
    """The rules do not allow it: `problem.rule`, `max_additional_minutes`, `next_renewal_at`."""


class ReservationNotFound(Refusal):
    """There is none, or it is somebody else's."""


class ReservationNotPending(Refusal):
    """The reservation has begun or ended."""


class ReservationConflict(Refusal):
    """No phone is free for the whole window: `problem.next_windows`."""


class QueueEntryNotFound(Refusal):
    """There is none, or it is somebody else's."""


class QueueEntryNotWaiting(Refusal):
    """The wait has ended."""


class AlreadyQueued(Refusal):
    """The user waits already: `problem.entry_id`."""


class NotificationNotFound(Refusal):
    """There is none, or it is somebody else's."""


class QuotaNotFound(Refusal):
    """Nothing is known of the user."""


class PlanNotFound(Refusal):
    """There is no such plan."""


class QuotasKeptElsewhere(Refusal):
    """The user service keeps the quotas."""


class DeadLettersNotFound(Refusal):
    """There are no dead letters of this name."""


class DeviceNotFound(Refusal):
    """There is no such device."""


class DeviceExists(Refusal):
    """A device with this id is registered already."""


class DeviceNotRestorable(Refusal):
    """The device is in service."""


class WebhookNotFound(Refusal):
    """There is none, or it is another tenant's."""


class WebhookDisabled(Refusal):
    """Nothing is sent to it until it is enabled."""


class TooManyWebhooks(Refusal):
    """The tenant has as many as it may have."""


class RequestInProgress(Refusal):
    """A request with this Idempotency-Key is still running."""


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key came with another body."""


class Unavailable(Refusal):
    """The scheduler does not answer just now."""


class InternalError(Refusal):
    """A fault of the scheduler."""


_GATEWAYS = {401: "unauthorized", 403: "forbidden", 404: "route_not_found", 429: "rate_limited", 503: "unavailable"}
"""What the gateway refuses by itself has only a message."""
_PASSING = {429, 500, 502, 503, 504}


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """Give the exception of an answer that is no success."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        code = _GATEWAYS.get(status, "internal_error")
        problem = Problem(code, status, f"The gateway answered {status}.", retryable=status in _PASSING)
    return Refusal.known.get(problem.code, Refusal)(problem, _seconds(headers.get("retry-after")))


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None
