"""GET /scheduler/reservations, /{reservationId} and /stats: what is promised to whom."""

from typing import Annotated

from scheduler.domain.errors import ReservationNotFound
from scheduler.domain.reservation import Reservation, ReservationFilter, ReservationStatus
from scheduler.edge.answers import Envelope, Page, PageMeta, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_time_cursor, write_cursor
from scheduler.edge.fields import Id, PageSize, Time
from scheduler.edge.http import caller, refusals
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.reservation_views import ReservationTotalsView, ReservationView
from scheduler.runtime.reservations import get_attendance, get_reserver
from scheduler.service.attendance import Attendance
from scheduler.service.reserver import Reserver

routes = Routes()


@routes.get("/scheduler/reservations", summary="List reservations", tags=["reservations"])
def list_reservations(
    who: Annotated[Caller, Given(caller)],
    reserver: Annotated[Reserver, Given(get_reserver)],
    attendance: Annotated[Attendance, Given(get_attendance)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    user_id: Annotated[Id | None, Query(alias="userId")] = None,
    status: Annotated[ReservationStatus | None, Query()] = None,
    since: Annotated[Time | None, Query(alias="from")] = None,
    until: Annotated[Time | None, Query(alias="to")] = None,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[Page[ReservationView]]:
    """List them soonest first; a user sees its own, a service its tenant's. `from` and `to` bound `startTime`."""
    if who.seen_user is not None and user_id is not None:
        who.acting_for(user_id, None)
    attendance.note(who.tenant_id, who.seen_user)
    wanted = ReservationFilter(
        tenant_id=who.tenant(tenant_id),
        user_id=who.seen_user or user_id,
        status=status,
        since=since,
        until=until,
        after=read_time_cursor(cursor),
        limit=limit,
    )
    found, more = reserver.reservations(wanted)
    meta = PageMeta(limit=limit, nextCursor=_after(found[-1]) if more else None)
    return ok(Page(data=[ReservationView.of(reservation) for reservation in found], meta=meta))


@routes.get("/scheduler/reservations/stats", summary="Count reservations", tags=["reservations"])
def totals(
    who: Annotated[Caller, Given(caller)],
    reserver: Annotated[Reserver, Given(get_reserver)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
) -> Response[Envelope[ReservationTotalsView]]:
    """Count those that retention has left, by status: a service its tenant's, an operator a tenant's or all."""
    return ok(Envelope(data=ReservationTotalsView.of(reserver.totals(who.tenant(tenant_id)))))


@routes.get(
    "/scheduler/reservations/{reservationId}",
    summary="Read a reservation",
    tags=["reservations"],
    openapi_extensions=refusals(ReservationNotFound),
)
def read_reservation(
    reservationId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    reserver: Annotated[Reserver, Given(get_reserver)],
    attendance: Annotated[Attendance, Given(get_attendance)],
) -> Response[Envelope[ReservationView]]:
    """Give one reservation; while it executes, `allocationId` leads to the device's address."""
    attendance.note(who.tenant_id, who.seen_user)
    found = reserver.reservation(reservationId, who.seen_tenant, who.seen_user)
    return ok(Envelope(data=ReservationView.of(found)))


def _after(last: Reservation) -> str:
    return write_cursor(last.window.starts_at.isoformat(), last.id)
