"""GET /scheduler/allocations, /{allocationId} and /stats: who holds and held what."""

from datetime import datetime
from typing import Annotated

from scheduler.domain.errors import AllocationNotFound
from scheduler.domain.model import Allocation, AllocationFilter, AllocationStatus
from scheduler.edge.answers import Envelope, Page, PageMeta, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_time_cursor, write_cursor
from scheduler.edge.fields import Id, PageSize, Time
from scheduler.edge.http import caller, refusals
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.allocations import AllocationDetail, AllocationSummary, TotalsView
from scheduler.runtime import get_catalog
from scheduler.runtime.reservations import get_attendance
from scheduler.service.attendance import Attendance
from scheduler.service.catalog import Catalog

routes = Routes()


@routes.get("/scheduler/allocations", summary="List allocations", tags=["allocations"])
def list_allocations(
    who: Annotated[Caller, Given(caller)],
    catalog: Annotated[Catalog, Given(get_catalog)],
    attendance: Annotated[Attendance, Given(get_attendance)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    user_id: Annotated[Id | None, Query(alias="userId")] = None,
    device_id: Annotated[Id | None, Query(alias="deviceId")] = None,
    status: Annotated[AllocationStatus | None, Query()] = None,
    since: Annotated[Time | None, Query(alias="from")] = None,
    until: Annotated[Time | None, Query(alias="to")] = None,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[Page[AllocationSummary]]:
    """List them newest first; a user sees its own, a service its tenant's. `from` and `to` bound `allocatedAt`."""
    if who.seen_user is not None and user_id is not None:
        who.acting_for(user_id, None)
    attendance.note(who.tenant_id, who.seen_user)
    wanted = AllocationFilter(
        tenant_id=who.tenant(tenant_id),
        user_id=who.seen_user or user_id,
        device_id=device_id,
        status=status,
        since=since,
        until=until,
        after=read_time_cursor(cursor),
        limit=limit,
    )
    found, more = catalog.allocations(wanted)
    return ok(
        Page(
            data=[AllocationSummary.of(allocation) for allocation in found],
            meta=PageMeta(limit=limit, nextCursor=_after(found[-1]) if more else None),
        )
    )


@routes.get("/scheduler/allocations/stats", summary="Count allocations", tags=["allocations"])
def totals(
    who: Annotated[Caller, Given(caller)],
    catalog: Annotated[Catalog, Given(get_catalog)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
) -> Response[Envelope[TotalsView]]:
    """Give running totals: a service its tenant's, an operator a tenant's or all."""
    return ok(Envelope(data=TotalsView.of(catalog.totals(who.tenant(tenant_id)))))


@routes.get(
    "/scheduler/allocations/{allocationId}",
    summary="Read an allocation",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound),
)
def read_allocation(
    allocationId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    catalog: Annotated[Catalog, Given(get_catalog)],
    attendance: Annotated[Attendance, Given(get_attendance)],
) -> Response[Envelope[AllocationDetail]]:
    """Give one allocation, with the device's address while it is active."""
    attendance.note(who.tenant_id, who.seen_user)
    allocation = catalog.allocation(allocationId, who.seen_tenant, who.seen_user)
    return ok(Envelope(data=AllocationDetail.of(allocation)))


def _after(last: Allocation) -> str:
    at: datetime = last.allocated_at
    return write_cursor(at.isoformat(), last.id)
