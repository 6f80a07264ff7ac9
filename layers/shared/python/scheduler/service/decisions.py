"""How decisions about an allocation are logged: one line each, with the same members."""

import logging
from typing import TYPE_CHECKING

from scheduler.domain.errors import NoAvailableDevices, ReservationConflict, SchedulerError
from scheduler.domain.model import Allocation, EndedAllocation, User

if TYPE_CHECKING:  # who renews or reserves nothing need not load them
    from scheduler.domain.renewal import Renewal
    from scheduler.domain.reservation import Reservation


def log_granted(logger: logging.Logger, allocation: Allocation) -> None:
    """Tell who was lent what."""
    logger.info("granted", extra=_names(allocation))


def log_ended(logger: logging.Logger, ended: EndedAllocation) -> None:
    """Tell what ended, how, and what is billed."""
    logger.info("ended", extra={"how": ended.status, "durationSeconds": ended.duration_seconds, **_names(ended)})


def log_renewed(logger: logging.Logger, renewal: "Renewal", owner: User | None) -> None:
    """Tell whose allocation ends later."""
    logger.info(
        "renewed",
        extra={
            "allocationId": renewal.allocation_id,
            "deviceId": renewal.device_id,
            "userId": owner and owner.user_id,
            "tenantId": owner and owner.tenant_id,
            "additionalMinutes": renewal.additional_minutes,
            "renewalCount": renewal.renewal_count,
        },
    )


def log_reservation(
    logger: logging.Logger,
    reservation: "Reservation",
    change: str,
    reason: str | None = None,
    device_id: str | None = None,
) -> None:
    """Tell what became of whose reservation; with the device it has now, where that may be another."""
    logger.info(
        "reservation changed",
        extra={
            "change": change,
            "reservationId": reservation.id,
            "deviceId": device_id or reservation.device_id,
            "userId": reservation.user.user_id,
            "tenantId": reservation.user.tenant_id,
            "reason": reason,
        },
    )


def log_refused(logger: logging.Logger, refusal: SchedulerError, **names: str | None) -> None:
    """Tell who was refused what, and why. A busy fleet is normal: information, not a warning."""
    level = logging.INFO if isinstance(refusal, NoAvailableDevices | ReservationConflict) else logging.WARNING
    logger.log(level, "refused", extra={"code": refusal.code, "reason": refusal.detail, **names})


def _names(allocation: Allocation | EndedAllocation) -> dict[str, str]:
    return {
        "allocationId": allocation.id,
        "deviceId": allocation.device_id,
        "userId": allocation.user.user_id,
        "tenantId": allocation.user.tenant_id,
    }
