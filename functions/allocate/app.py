"""POST /scheduler/devices/allocate: lend one cloud phone to one user, now or when one is free."""

from typing import Annotated

from scheduler.domain.errors import (
    AlreadyQueued,
    CapExceeded,
    NoAvailableDevices,
    QuotaExceeded,
    QuotaServiceUnavailable,
    UserBusy,
)
from scheduler.domain.model import Allocation, RequestKey
from scheduler.edge.answers import Envelope, Response, accepted, created
from scheduler.edge.call import Given
from scheduler.edge.http import UNPAID, Api, caller, lambda_entry, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import AllocateBody, AllocationView
from scheduler.edge.schemas.waits import QueueEntryView
from scheduler.runtime import get_allocator, get_patient_allocator
from scheduler.service.allocator import Allocator

app = Api()


@app.post(
    "/scheduler/devices/allocate",
    summary="Allocate a device",
    tags=["allocations"],
    status_code=201,
    responses={
        201: {"description": "Lent", "content": {"application/json": {"model": Envelope[AllocationView]}}},
        202: {"description": "In line", "content": {"application/json": {"model": Envelope[QueueEntryView]}}},
    },
    openapi_extensions=refusals(
        NoAvailableDevices, QuotaExceeded, CapExceeded, QuotaServiceUnavailable, *UNPAID, UserBusy, AlreadyQueued
    ),
)
def allocate(
    body: AllocateBody,
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    allocator: Annotated[Allocator, Given(get_allocator)],
) -> Response[Envelope[AllocationView] | Envelope[QueueEntryView]]:
    """Lend the best free device that fits to the user, for the asked minutes; with `wait`, join the queue for one."""
    request = body.to_request(who, key)
    if body.wait:
        outcome = get_patient_allocator().allocate(request, body.maxWaitMinutes)
    else:
        outcome = allocator.allocate(request)
    if isinstance(outcome, Allocation):
        return created(Envelope(data=AllocationView.of(outcome), message="Device allocated successfully"))
    return accepted(Envelope(data=QueueEntryView.of(outcome), message="No device is free; the request waits"))


handler = lambda_entry(app)
