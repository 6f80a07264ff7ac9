"""POST /scheduler/reservations, PATCH /{reservationId} and POST /{reservationId}/cancel: promise, change, let go."""

from typing import Annotated

from scheduler.domain.errors import (
    CapExceeded,
    QuotaExceeded,
    QuotaServiceUnavailable,
    ReservationConflict,
    ReservationNotFound,
    ReservationNotPending,
    UserBusy,
)
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, created, ok
from scheduler.edge.call import Given
from scheduler.edge.fields import Id
from scheduler.edge.http import caller, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.allocations import EmptyBody
from scheduler.edge.schemas.reservation_views import ReservationView, SeriesView
from scheduler.edge.schemas.reservations import ChangeReservationBody, ReserveBody
from scheduler.runtime.reservations import get_reserver
from scheduler.service.reserver import Reserver

routes = Routes()
WHY_NOT = (ReservationConflict, QuotaExceeded, QuotaServiceUnavailable, UserBusy)


@routes.post(
    "/scheduler/reservations",
    summary="Reserve a device",
    tags=["reservations"],
    status_code=201,
    openapi_extensions=refusals(*WHY_NOT, CapExceeded),
)
def reserve(
    body: ReserveBody,
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    reserver: Annotated[Reserver, Given(get_reserver)],
) -> Response[Envelope[ReservationView] | Envelope[SeriesView]]:
    """Promise a device for the window, or with a recurrence for each of its windows: all, or none."""
    booked = reserver.book(body.to_booking(who, key))
    message = "Device reserved successfully"
    if body.recurrence is None:
        return created(Envelope(data=ReservationView.of(booked[0]), message=message))
    return created(Envelope(data=SeriesView.of(booked), message=message))


@routes.patch(
    "/scheduler/reservations/{reservationId}",
    summary="Change a reservation",
    tags=["reservations"],
    openapi_extensions=refusals(ReservationNotFound, ReservationNotPending, *WHY_NOT),
)
def change(
    reservationId: Id,  # noqa: N803  wire name
    body: ChangeReservationBody,
    who: Annotated[Caller, Given(caller)],
    reserver: Annotated[Reserver, Given(get_reserver)],
) -> Response[Envelope[ReservationView]]:
    """Change a pending reservation; it keeps its device where that still fits. Refused, it stays as it was."""
    found = reserver.reservation(reservationId, who.seen_tenant, who.seen_user)
    changed = reserver.change(found, body.changes(), body.wants(found.wants))
    return ok(Envelope(data=ReservationView.of(changed), message="Reservation changed successfully"))


@routes.post(
    "/scheduler/reservations/{reservationId}/cancel",
    summary="Cancel a reservation",
    tags=["reservations"],
    openapi_extensions=refusals(ReservationNotFound, ReservationNotPending),
)
def cancel(
    reservationId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    reserver: Annotated[Reserver, Given(get_reserver)],
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[Envelope[ReservationView]]:
    """Cancel a pending reservation; once it has begun, release its device instead."""
    cancelled = reserver.cancel(reservationId, who.seen_tenant, who.seen_user, key)
    return ok(Envelope(data=ReservationView.of(cancelled), message="Reservation cancelled successfully"))
