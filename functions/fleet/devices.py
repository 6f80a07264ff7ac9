"""POST /scheduler/devices, PATCH and DELETE /scheduler/devices/{deviceId}: operators fill and change the fleet."""

from typing import Annotated

from scheduler.domain.device_life import Act
from scheduler.domain.errors import DeviceExists, DeviceNotFound
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, created, ok
from scheduler.edge.call import Given
from scheduler.edge.fields import Id
from scheduler.edge.http import caller, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.devices import DeviceChanges, DeviceIdsView, DeviceIdView, DevicesBody, OneOrManyDevices
from scheduler.runtime import get_fleet
from scheduler.runtime.fleet import get_device_life
from scheduler.service.device_life import DeviceLife
from scheduler.service.fleet import Fleet

routes = Routes()


@routes.post(
    "/scheduler/devices",
    summary="Add devices",
    tags=["fleet"],
    status_code=201,
    openapi_extensions=refusals(DeviceExists),
)
def register(
    body: OneOrManyDevices,
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    fleet: Annotated[Fleet, Given(get_fleet)],
) -> Response[Envelope[DeviceIdsView]]:
    """Add one device, or up to 100: all or none."""
    bodies = body.devices if isinstance(body, DevicesBody) else [body]
    ids = fleet.register([device.to_columns() for device in bodies], key, by=who.subject)
    return created(Envelope(data=DeviceIdsView(ids=list(ids)), message=f"Registered devices: {len(ids)}"))


@routes.patch(
    "/scheduler/devices/{deviceId}",
    summary="Change a device",
    tags=["fleet"],
    openapi_extensions=refusals(DeviceNotFound),
)
def change(
    deviceId: Id,  # noqa: N803  wire name
    body: DeviceChanges,
    who: Annotated[Caller, Given(caller)],
    fleet: Annotated[Fleet, Given(get_fleet)],
) -> Response[Envelope[DeviceIdView]]:
    """Change the named fields; an allocation that runs on the device goes on (quarantine moves it)."""
    fleet.change(deviceId, body.to_changes(), by=who.subject)
    return ok(Envelope(data=DeviceIdView(id=deviceId), message="Device changed successfully"))


@routes.delete(
    "/scheduler/devices/{deviceId}",
    summary="Delete a device",
    tags=["fleet"],
    openapi_extensions=refusals(DeviceNotFound),
)
def delete(
    deviceId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    life: Annotated[DeviceLife, Given(get_device_life)],
) -> Response[Envelope[DeviceIdView]]:
    """Take a device out for good: what runs on it moves to another one, or ends. Its id is never used again."""
    life.act(Act.DELETE, deviceId, by=who.subject)
    return ok(Envelope(data=DeviceIdView(id=deviceId), message="Device deleted successfully"))
