"""Reservations as callers see them."""

# ruff: noqa: N815  wire names
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.reservation import Conflicts, Reservation, ReservationStatus, ReservationTotals, Window
from scheduler.edge.fields import Instant, View, either
from scheduler.edge.schemas.allocations import PreferredSpecs

_WINDOW = {"startTime": "2026-11-24T09:00:00Z", "endTime": "2026-11-24T10:00:00Z"}
_AN_HOUR_LATER = {"startTime": "2026-11-24T10:00:00Z", "endTime": "2026-11-24T11:00:00Z"}
_RESERVATION: dict[str, Any] = {
    "reservationId": "0c1a5bd7-6d9e-4f0b-9d0a-6d3a4f3ad1c5",
    "userId": "alice",
    "tenantId": "acme",
    "deviceId": "phone-small-03",
    "status": "pending",
    **_WINDOW,
    "durationMinutes": 60,
    "deviceType": None,
    "preferredSpecs": {"minCpu": 2, "minMemory": None, "minStorage": None},
    "remindBeforeMinutes": 15,
    "timeZone": None,
    "seriesId": None,
    "allocationId": None,
    "executedAt": None,
    "reason": None,
    "metadata": None,
    "createdAt": "2026-11-23T17:42:26.290382Z",
}


class WindowView(View):
    """A window, without its end."""

    EXAMPLES = (_WINDOW,)

    startTime: Instant
    endTime: Instant

    @classmethod
    def of(cls, window: Window) -> Self:
        """View a window."""
        return cls(startTime=window.starts_at, endTime=window.ends_at)


class ReservationView(View):
    """A reservation: `deviceId` is bound now, another when that one dies; `reason` says why it failed."""

    EXAMPLES = (_RESERVATION,)

    reservationId: str
    userId: str
    tenantId: str
    deviceId: str
    status: ReservationStatus
    startTime: Instant
    endTime: Instant
    durationMinutes: int
    deviceType: str | None
    preferredSpecs: PreferredSpecs
    remindBeforeMinutes: int
    timeZone: str | None
    seriesId: str | None
    allocationId: str | None
    executedAt: Instant | None
    reason: str | None
    metadata: Any
    createdAt: Instant

    @classmethod
    def of(cls, reservation: Reservation) -> Self:
        """View a reservation."""
        wants = reservation.wants
        return cls(
            reservationId=reservation.id,
            userId=reservation.user.user_id,
            tenantId=reservation.user.tenant_id,
            deviceId=reservation.device_id,
            status=reservation.status,
            startTime=reservation.window.starts_at,
            endTime=reservation.window.ends_at,
            durationMinutes=reservation.duration_minutes,
            deviceType=wants.device_type,
            preferredSpecs=PreferredSpecs(
                minCpu=wants.min_cpu, minMemory=wants.min_memory_mb, minStorage=wants.min_storage_mb
            ),
            remindBeforeMinutes=reservation.remind_before_minutes,
            timeZone=reservation.time_zone,
            seriesId=reservation.series_id,
            allocationId=reservation.allocation_id,
            executedAt=reservation.executed_at,
            reason=reservation.reason,
            metadata=reservation.metadata,
            createdAt=reservation.created_at,
        )


class SeriesView(View):
    """The occurrences of a recurrence, soonest first; one alone has no series."""

    EXAMPLES = ({"seriesId": None, "reservations": [_RESERVATION]},)

    seriesId: str | None
    reservations: list[ReservationView]

    @classmethod
    def of(cls, booked: Sequence[Reservation]) -> Self:
        """View what was booked at once."""
        return cls(seriesId=booked[0].series_id, reservations=[ReservationView.of(one) for one in booked])


if TYPE_CHECKING:
    type Booked = ReservationView | WindowView
else:
    Booked = either(ReservationView, WindowView)


class ConflictView(View):
    """Whether a window can be had: own reservations in the way in full, of others only when; and what is free next."""

    EXAMPLES = ({"hasConflict": True, "conflictingReservations": [_WINDOW], "nextWindows": [_WINDOW | _AN_HOUR_LATER]},)

    hasConflict: bool
    conflictingReservations: list[Booked]
    nextWindows: list[WindowView]

    @classmethod
    def of(cls, found: Conflicts) -> Self:
        """View the answer to a check."""
        return cls(
            hasConflict=found.has_conflict,
            conflictingReservations=[
                ReservationView.of(one) if isinstance(one, Reservation) else WindowView.of(one)
                for one in found.reservations
            ],
            nextWindows=[WindowView.of(window) for window in found.next_windows],
        )


class ReservationTotalsView(View):
    """Reservations by status. The success rate is the share that was served of those whose window came, 0 to 1."""

    EXAMPLES = (
        {
            "totalReservations": 120,
            "pendingReservations": 20,
            "executingReservations": 4,
            "completedReservations": 86,
            "failedReservations": 1,
            "cancelledReservations": 8,
            "expiredReservations": 1,
            "noShows": 2,
            "successRate": 0.978,
            "averageLeadMinutes": 312.5,
        },
    )

    totalReservations: int
    pendingReservations: int
    executingReservations: int
    completedReservations: int
    failedReservations: int
    cancelledReservations: int
    expiredReservations: int
    noShows: Annotated[int, Meta(description="Completed ones that their owner did not come for")]
    successRate: float | None
    averageLeadMinutes: Annotated[float | None, Meta(description="Mean time from booking to start")]

    @classmethod
    def of(cls, totals: ReservationTotals) -> Self:
        """View totals."""
        lead = totals.average_lead_seconds
        return cls(
            totalReservations=totals.total,
            noShows=totals.no_shows,
            successRate=totals.success_rate,
            averageLeadMinutes=None if lead is None else round(lead / 60, 1),
            **{f"{status}Reservations": totals.by_status[status] for status in ReservationStatus},
        )
