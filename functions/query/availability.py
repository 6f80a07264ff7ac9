"""GET /scheduler/devices/available: which devices may be lent now."""

from typing import Annotated

from scheduler.domain.model import AvailableFilter
from scheduler.edge.answers import CountedPage, PageMeta, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_id_cursor, write_cursor
from scheduler.edge.fields import Id, LongPageSize, Minimum, ShortText
from scheduler.edge.http import caller
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.devices import FreeDeviceView
from scheduler.runtime import get_catalog
from scheduler.service.catalog import Catalog

routes = Routes()


@routes.get("/scheduler/devices/available", summary="List the devices that are free", tags=["devices"])
def list_available(
    who: Annotated[Caller, Given(caller)],
    catalog: Annotated[Catalog, Given(get_catalog)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    min_cpu: Annotated[Minimum | None, Query(alias="minCpu")] = None,
    min_memory: Annotated[Minimum | None, Query(alias="minMemory", description="MB")] = None,
    device_type: Annotated[ShortText | None, Query(alias="deviceType")] = None,
    limit: Annotated[LongPageSize, Query()] = 100,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[CountedPage[FreeDeviceView]]:
    """List them by id; `total` counts all that match. The list may be ten seconds old."""
    wanted = AvailableFilter(who.tenant(tenant_id), min_cpu, min_memory, device_type, read_id_cursor(cursor), limit)
    page = catalog.available(wanted)
    return ok(
        CountedPage(
            data=[FreeDeviceView.of(device) for device in page.devices],
            total=page.total,
            meta=PageMeta(limit=limit, nextCursor=write_cursor(page.devices[-1].id) if page.more else None),
        )
    )
