"""POST /scheduler/devices/{deviceId}/drain, /quarantine, /restore, /recycled: operators lead devices' lives."""

from typing import Annotated

from scheduler.domain.device_life import Act, Device
from scheduler.domain.errors import DeviceNotFound, DeviceNotRestorable
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.fields import Id
from scheduler.edge.http import caller, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.allocations import EmptyBody
from scheduler.edge.schemas.fleet import DeviceView, QuarantineBody
from scheduler.runtime.fleet import get_device_life
from scheduler.service.device_life import DeviceLife

routes = Routes()

_DEVICE = "/scheduler/devices/{deviceId}"
Operator = Annotated[Caller, Given(caller)]
Lives = Annotated[DeviceLife, Given(get_device_life)]
DeviceInPath = Id


@routes.post(f"{_DEVICE}/drain", summary="Drain a device", tags=["fleet"], openapi_extensions=refusals(DeviceNotFound))
def drain(
    deviceId: DeviceInPath,  # noqa: N803  wire name
    who: Operator,
    key: Annotated[RequestKey | None, Given(request_key)],
    lives: Lives,
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[Envelope[DeviceView]]:
    """Lend the device no more; what runs on it is finished. One that is out of service already stays as it is."""
    return _told(lives.act(Act.DRAIN, deviceId, by=who.subject, key=key))


@routes.post(
    f"{_DEVICE}/quarantine", summary="Quarantine a device", tags=["fleet"], openapi_extensions=refusals(DeviceNotFound)
)
def quarantine(
    deviceId: DeviceInPath,  # noqa: N803  wire name
    who: Operator,
    key: Annotated[RequestKey | None, Given(request_key)],
    lives: Lives,
    body: QuarantineBody | None = None,
) -> Response[Envelope[DeviceView]]:
    """Take the device out of service at once; what runs on it moves to another one, or ends."""
    reason = (body or QuarantineBody()).reason
    return _told(lives.act(Act.QUARANTINE, deviceId, by=who.subject, reason=reason, key=key))


@routes.post(
    f"{_DEVICE}/restore",
    summary="Restore a device",
    tags=["fleet"],
    openapi_extensions=refusals(DeviceNotFound, DeviceNotRestorable),
)
def restore(
    deviceId: DeviceInPath,  # noqa: N803  wire name
    who: Operator,
    key: Annotated[RequestKey | None, Given(request_key)],
    lives: Lives,
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[Envelope[DeviceView]]:
    """Bring a device back that is drained, quarantined or being recycled; its failures count anew."""
    return _told(lives.act(Act.RESTORE, deviceId, by=who.subject, key=key))


@routes.post(
    f"{_DEVICE}/recycled",
    summary="Report a device as recycled",
    tags=["fleet"],
    openapi_extensions=refusals(DeviceNotFound),
)
def recycled(
    deviceId: DeviceInPath,  # noqa: N803  wire name
    who: Operator,
    key: Annotated[RequestKey | None, Given(request_key)],
    lives: Lives,
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[Envelope[DeviceView]]:
    """Lend the device again, now that it is wiped. One that was not being recycled stays as it is."""
    return _told(lives.act(Act.RECYCLED, deviceId, by=who.subject, key=key))


def _told(device: Device) -> Response[Envelope[DeviceView]]:
    return ok(Envelope(data=DeviceView.of(device), message=f"The device is {device.life.replace('_', ' ')}"))
