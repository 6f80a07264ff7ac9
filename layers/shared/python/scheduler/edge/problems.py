"""Every error as an answer: one table of statuses, one form (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from scheduler.domain import errors
from scheduler.edge.body import write_json

PROBLEMS: dict[type[errors.SchedulerError], HTTPStatus] = {
    errors.InvalidJson: HTTPStatus.BAD_REQUEST,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.InsufficientBalance: HTTPStatus.PAYMENT_REQUIRED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.QuotaExceeded: HTTPStatus.FORBIDDEN,
    errors.CapExceeded: HTTPStatus.FORBIDDEN,
    errors.RenewalForbidden: HTTPStatus.FORBIDDEN,
    errors.RouteNotFound: HTTPStatus.NOT_FOUND,
    errors.AllocationNotFound: HTTPStatus.NOT_FOUND,
    errors.DeviceNotFound: HTTPStatus.NOT_FOUND,
    errors.ReservationNotFound: HTTPStatus.NOT_FOUND,
    errors.QueueEntryNotFound: HTTPStatus.NOT_FOUND,
    errors.WebhookNotFound: HTTPStatus.NOT_FOUND,
    errors.NotificationNotFound: HTTPStatus.NOT_FOUND,
    errors.QuotaNotFound: HTTPStatus.NOT_FOUND,
    errors.PlanNotFound: HTTPStatus.NOT_FOUND,
    errors.DeadLettersNotFound: HTTPStatus.NOT_FOUND,
    errors.QuotasKeptElsewhere: HTTPStatus.CONFLICT,
    errors.NoAvailableDevices: HTTPStatus.CONFLICT,  # normal in a busy fleet: info, not error, in the log
    errors.AllocationNotActive: HTTPStatus.CONFLICT,
    errors.StaleFencingToken: HTTPStatus.CONFLICT,
    errors.RenewalRefused: HTTPStatus.CONFLICT,
    errors.ReservationConflict: HTTPStatus.CONFLICT,
    errors.ReservationNotPending: HTTPStatus.CONFLICT,
    errors.AlreadyQueued: HTTPStatus.CONFLICT,
    errors.QueueEntryNotWaiting: HTTPStatus.CONFLICT,
    errors.DeviceExists: HTTPStatus.CONFLICT,
    errors.TooManyWebhooks: HTTPStatus.CONFLICT,
    errors.WebhookDisabled: HTTPStatus.CONFLICT,
    errors.DeviceNotRestorable: HTTPStatus.CONFLICT,
    errors.UserBusy: HTTPStatus.CONFLICT,
    errors.RequestInProgress: HTTPStatus.CONFLICT,
    errors.PayloadTooLarge: HTTPStatus.CONTENT_TOO_LARGE,
    errors.UnsupportedContentType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.ValidationFailed: HTTPStatus.UNPROCESSABLE_CONTENT,
    errors.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_CONTENT,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.QuotaServiceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.BillingServiceUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SchedulerError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

CONTENT_TYPE = "application/problem+json"
_TYPE_BASE = "urn:problem:scheduler:"


def status_of(error: type[errors.SchedulerError]) -> HTTPStatus:
    """Give the status of an error class."""
    return PROBLEMS[error]


def problem_document(error: errors.SchedulerError, instance: str) -> dict[str, Any]:
    """Give the body of a refusal; `instance` is the request's path."""
    status = status_of(type(error))
    return {
        "type": _TYPE_BASE + error.code,
        "title": status.phrase,
        "status": status.value,
        "detail": error.detail,
        "instance": instance,
        "success": False,
        "code": error.code,
        "retryable": error.retryable,
        **error.members,
    }


def problem_headers(error: errors.SchedulerError) -> dict[str, str]:
    """Give the headers of a refusal: when to come back, where that is known."""
    return {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}


def problem_answer(error: errors.SchedulerError, instance: str) -> dict[str, Any]:
    """Give a refusal as API Gateway takes it."""
    return {
        "statusCode": status_of(type(error)).value,
        "headers": {"Content-Type": CONTENT_TYPE, **problem_headers(error)},
        "body": write_json(problem_document(error, instance)),
        "isBase64Encoded": False,
    }
