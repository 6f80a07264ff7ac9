"""POST /scheduler/devices and PATCH /scheduler/devices/{deviceId}: operators fill and change the fleet."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Body, Path

from scheduler.domain.errors import DeviceExists, DeviceNotFound
from scheduler.domain.model import RequestKey
from scheduler.edge.fields import Id
from scheduler.edge.http import Envelope, create_api, created, lambda_entry, ok, operator_caller, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.devices import DeviceChanges, DeviceIdsView, DeviceIdView, DevicesBody, OneOrManyDevices
from scheduler.runtime import get_fleet
from scheduler.service.fleet import Fleet

app = create_api()


@app.post(
    "/scheduler/devices",
    summary="Add devices",
    tags=["fleet"],
    status_code=201,
    openapi_extensions=refusals(DeviceExists),
)
def register(
    body: Annotated[OneOrManyDevices, Body()],
    who: Annotated[Caller, Depends(operator_caller)],
    key: Annotated[RequestKey | None, Depends(request_key)],
    fleet: Annotated[Fleet, Depends(get_fleet)],
) -> Response[Envelope[DeviceIdsView]]:
    """Add one device, or up to 100: all or none."""
    bodies = body.devices if isinstance(body, DevicesBody) else [body]
    ids = fleet.register([device.to_columns() for device in bodies], key, by=who.subject)
    return created(Envelope(data=DeviceIdsView(ids=list(ids)), message=f"Registered devices: {len(ids)}"))


@app.patch(
    "/scheduler/devices/<deviceId>",
    summary="Change a device",
    tags=["fleet"],
    openapi_extensions=refusals(DeviceNotFound),
)
def change(
    deviceId: Annotated[Id, Path()],  # noqa: N803  wire name
    body: DeviceChanges,
    who: Annotated[Caller, Depends(operator_caller)],
    fleet: Annotated[Fleet, Depends(get_fleet)],
) -> Response[Envelope[DeviceIdView]]:
    """Change the named fields; an allocation that runs on the device goes on."""
    fleet.change(deviceId, body.to_changes(), by=who.subject)
    return ok(Envelope(data=DeviceIdView(id=deviceId), message="Device changed successfully"))


handler = lambda_entry(app)
