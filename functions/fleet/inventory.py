"""GET /scheduler/devices, /scheduler/devices/{deviceId} and /scheduler/fleet: operators look at the fleet."""

from typing import Annotated

from scheduler.domain.device_life import DeviceFilter, Life
from scheduler.domain.errors import DeviceNotFound
from scheduler.domain.model import DeviceStatus
from scheduler.edge.answers import Envelope, Page, PageMeta, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_id_cursor, write_cursor
from scheduler.edge.fields import Id, LongPageSize, PageSize, ShortText
from scheduler.edge.http import refusals
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.fleet import DeviceView, GlanceView
from scheduler.runtime.fleet import get_inventory
from scheduler.service.inventory import Inventory

routes = Routes()


@routes.get("/scheduler/devices", summary="List devices", tags=["fleet"])
def list_devices(
    inventory: Annotated[Inventory, Given(get_inventory)],
    status: Annotated[DeviceStatus | None, Query()] = None,
    life: Annotated[Life | None, Query(description="without: all but the deleted ones")] = None,
    device_type: Annotated[ShortText | None, Query(alias="deviceType")] = None,
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="dedicated to this tenant")] = None,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[Page[DeviceView]]:
    """List them by id, with health, life, and what runs and is reserved on them."""
    wanted = DeviceFilter(status, life, device_type, tenant_id, read_id_cursor(cursor), limit)
    found, more = inventory.devices(wanted)
    return ok(
        Page(
            data=[DeviceView.of(device) for device in found],
            meta=PageMeta(limit=limit, nextCursor=write_cursor(found[-1].id) if more else None),
        )
    )


@routes.get(
    "/scheduler/devices/{deviceId}",
    summary="Read a device",
    tags=["fleet"],
    openapi_extensions=refusals(DeviceNotFound),
)
def read_device(
    deviceId: Id,  # noqa: N803  wire name
    inventory: Annotated[Inventory, Given(get_inventory)],
) -> Response[Envelope[DeviceView]]:
    """Give one device."""
    return ok(Envelope(data=DeviceView.of(inventory.device(deviceId))))


@routes.get("/scheduler/fleet", summary="Look at the whole fleet", tags=["fleet"])
def look_at_fleet(
    inventory: Annotated[Inventory, Given(get_inventory)],
    limit: Annotated[LongPageSize, Query()] = 1000,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[Page[GlanceView]]:
    """List all devices by id, in short: how each is, who has it and until when. With `ETag`, for who asks often."""
    found, more = inventory.at_a_glance(read_id_cursor(cursor), limit)
    return ok(
        Page(
            data=[GlanceView.of(device) for device in found],
            meta=PageMeta(limit=limit, nextCursor=write_cursor(found[-1].id) if more else None),
        )
    )
