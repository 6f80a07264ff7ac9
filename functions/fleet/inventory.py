"""GET /scheduler/devices and /scheduler/devices/{deviceId}: operators look at the fleet."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from scheduler.domain.device_life import DeviceFilter, Life
from scheduler.domain.errors import DeviceNotFound
from scheduler.domain.model import DeviceStatus
from scheduler.edge.cursors import MAX_CURSOR_LENGTH, read_id_cursor, write_cursor
from scheduler.edge.fields import Id, ShortText
from scheduler.edge.http import Envelope, Meta, Page, ok, refusals
from scheduler.edge.schemas.fleet import DeviceView
from scheduler.runtime.fleet import get_inventory
from scheduler.service.inventory import Inventory

router = APIGatewayHttpRouter()


@router.get("/scheduler/devices", summary="List devices", tags=["fleet"])
def list_devices(
    inventory: Annotated[Inventory, Depends(get_inventory)],
    status: Annotated[DeviceStatus | None, Query()] = None,
    life: Annotated[Life | None, Query(description="without: all but the deleted ones")] = None,
    device_type: Annotated[ShortText | None, Query(alias="deviceType")] = None,
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="dedicated to this tenant")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH)] = None,
) -> Response[Page[DeviceView]]:
    """List them by id, with health, life, and what runs and is reserved on them."""
    wanted = DeviceFilter(status, life, device_type, tenant_id, read_id_cursor(cursor), limit)
    found, more = inventory.devices(wanted)
    return ok(
        Page(
            data=[DeviceView.of(device) for device in found],
            meta=Meta(limit=limit, nextCursor=write_cursor(found[-1].id) if more else None),
        )
    )


@router.get(
    "/scheduler/devices/<deviceId>",
    summary="Read a device",
    tags=["fleet"],
    openapi_extensions=refusals(DeviceNotFound),
)
def read_device(
    deviceId: Annotated[Id, Path()],  # noqa: N803  wire name
    inventory: Annotated[Inventory, Depends(get_inventory)],
) -> Response[Envelope[DeviceView]]:
    """Give one device."""
    return ok(Envelope(data=DeviceView.of(inventory.device(deviceId))))
