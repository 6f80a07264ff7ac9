"""Reservations: a device promised to a user for a future window."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from scheduler.domain.model import DeviceWants, RequestKey, User
from scheduler.domain.outcome import Facts


class ReservationStatus(StrEnum):
    """Pending until its start, executing while its allocation is live; the others say how it ended."""

    PENDING = "pending"
    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, without its end."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Reservation:
    """A promised window, as its owner sees it. `reason`: why it failed, or was ended as a no-show."""

    id: str
    user: User
    device_id: str
    status: ReservationStatus
    window: Window
    duration_minutes: int
    wants: DeviceWants
    remind_before_minutes: int
    created_at: datetime
    time_zone: str | None = None
    series_id: str | None = None
    allocation_id: str | None = None
    executed_at: datetime | None = None
    reason: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """One user's wish for one device in a window, or for one in each window of a series; `starts` ascend."""

    user: User
    starts: tuple[datetime, ...]
    minutes: int
    wants: DeviceWants = field(default_factory=DeviceWants)
    remind_before_minutes: int = 15
    time_zone: str | None = None
    metadata: Mapping[str, Any] | None = None
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class ReservationFilter:
    """Which reservations are listed, soonest first. `since`, `until` bound the start; `after`: the last one seen."""

    tenant_id: str | None
    user_id: str | None = None
    status: ReservationStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class WindowCheck:
    """The question whether a window could be booked: for whose pool, and whose reservations are shown in full."""

    pool: str
    tenant_id: str | None
    user_id: str | None
    window: Window
    wants: DeviceWants


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The answer: what stands in the way (others' as bare windows), and the next windows that are free."""

    has_conflict: bool
    reservations: tuple[Reservation | Window, ...]
    next_windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class ReservationTotals:
    """Reservations by status, how many owners did not come, and the mean time from booking to start."""

    by_status: Mapping[ReservationStatus, int]
    no_shows: int
    average_lead_seconds: float | None

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_status.values())

    @property
    def success_rate(self) -> float | None:
        """Share that was served, of those whose window came, 0 to 1; None: none came yet."""
        kept = self.by_status[ReservationStatus.EXECUTING] + self.by_status[ReservationStatus.COMPLETED]
        broken = self.by_status[ReservationStatus.FAILED] + self.by_status[ReservationStatus.EXPIRED]
        return kept / (kept + broken) if kept + broken else None


def reservation_of(facts: Facts) -> Reservation:
    """Read a reservation from its facts."""
    executed_at = facts["executedAt"]
    return Reservation(
        id=facts["reservationId"],
        user=User(facts["tenantId"], facts["userId"]),
        device_id=facts["deviceId"],
        status=ReservationStatus(facts["status"]),
        window=window_of(facts),
        duration_minutes=facts["durationMinutes"],
        wants=DeviceWants(facts["deviceType"], facts["minCpu"], facts["minMemory"], facts["minStorage"]),
        remind_before_minutes=facts["remindBeforeMinutes"],
        created_at=datetime.fromisoformat(facts["createdAt"]),
        time_zone=facts["timeZone"],
        series_id=facts["seriesId"],
        allocation_id=facts["allocationId"],
        executed_at=None if executed_at is None else datetime.fromisoformat(executed_at),
        reason=facts["reason"],
        metadata=facts["metadata"],
    )


def window_of(facts: Facts) -> Window:
    """Read a window from its facts."""
    return Window(datetime.fromisoformat(facts["startTime"]), datetime.fromisoformat(facts["endTime"]))


def conflicts_of(facts: Facts) -> Conflicts:
    """Read the answer to a check."""
    return Conflicts(
        has_conflict=facts["hasConflict"],
        reservations=tuple(
            reservation_of(found) if "reservationId" in found else window_of(found)
            for found in facts["conflictingReservations"]
        ),
        next_windows=tuple(window_of(window) for window in facts["nextWindows"]),
    )
