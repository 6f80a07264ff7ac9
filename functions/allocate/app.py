"""POST /scheduler/devices/allocate: lend one cloud phone to one user."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends

from scheduler.domain.errors import NoAvailableDevices, QuotaExceeded, QuotaServiceUnavailable, UserBusy
from scheduler.domain.model import RequestKey
from scheduler.edge.http import Envelope, caller, create_api, created, lambda_entry, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import AllocateBody, AllocationView
from scheduler.runtime import get_allocator
from scheduler.service.allocator import Allocator

app = create_api()


@app.post(
    "/scheduler/devices/allocate",
    summary="Allocate a device",
    tags=["allocations"],
    status_code=201,
    openapi_extensions=refusals(NoAvailableDevices, QuotaExceeded, QuotaServiceUnavailable, UserBusy),
)
def allocate(
    body: AllocateBody,
    who: Annotated[Caller, Depends(caller)],
    key: Annotated[RequestKey | None, Depends(request_key)],
    allocator: Annotated[Allocator, Depends(get_allocator)],
) -> Response[Envelope[AllocationView]]:
    """Lend the best free device that fits to the user, for the asked minutes."""
    allocation = allocator.allocate(body.to_request(who, key))
    return created(Envelope(data=AllocationView.of(allocation), message="Device allocated successfully"))


handler = lambda_entry(app)
