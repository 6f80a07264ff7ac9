"""POST /scheduler/devices/release: take a cloud phone back."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends

from scheduler.domain.errors import AllocationNotActive, AllocationNotFound, StaleFencingToken, UserBusy
from scheduler.domain.model import RequestKey
from scheduler.edge.http import Envelope, caller, create_api, lambda_entry, ok, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import ReleaseBody, ReleaseView
from scheduler.runtime import get_releaser
from scheduler.service.releaser import Releaser

app = create_api()


@app.post(
    "/scheduler/devices/release",
    summary="Release a device",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, AllocationNotActive, StaleFencingToken, UserBusy),
)
def release(
    body: ReleaseBody,
    who: Annotated[Caller, Depends(caller)],
    key: Annotated[RequestKey | None, Depends(request_key)],
    releaser: Annotated[Releaser, Depends(get_releaser)],
) -> Response[Envelope[ReleaseView]]:
    """End the active allocation of the device, for its holder or a service of the tenant."""
    ended = releaser.release(body.to_request(who, key))
    return ok(Envelope(data=ReleaseView.of(ended), message="Device released successfully"))


handler = lambda_entry(app)
