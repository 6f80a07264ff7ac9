"""POST /scheduler/devices/release: take a cloud phone back."""

from typing import Annotated

from scheduler.domain.errors import AllocationNotActive, AllocationNotFound, StaleFencingToken, UserBusy
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import Api, caller, lambda_entry, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import ReleaseBody, ReleaseView
from scheduler.runtime import get_releaser
from scheduler.service.releaser import Releaser

app = Api()


@app.post(
    "/scheduler/devices/release",
    summary="Release a device",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, AllocationNotActive, StaleFencingToken, UserBusy),
)
def release(
    body: ReleaseBody,
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    releaser: Annotated[Releaser, Given(get_releaser)],
) -> Response[Envelope[ReleaseView]]:
    """End the active allocation of the device, for its holder or a service of the tenant."""
    ended = releaser.release(body.to_request(who, key))
    return ok(Envelope(data=ReleaseView.of(ended), message="Device released successfully"))


handler = lambda_entry(app)
