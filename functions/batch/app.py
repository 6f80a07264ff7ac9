"""POST /scheduler/allocations/batch, …/release, …/renew and …/query: many calls in one, for services."""

from typing import Annotated

from scheduler.domain import errors
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import UNPAID, Api, caller, lambda_entry, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.batches import (
    BatchAllocateBody,
    BatchGrant,
    BatchHoldings,
    BatchQueryBody,
    BatchRelease,
    BatchReleaseBody,
    BatchRenewal,
    BatchRenewBody,
    BatchView,
    view_grants,
    view_holdings,
    view_releases,
    view_renewals,
)
from scheduler.runtime.batches import get_batches
from scheduler.service.batches import Batches

app = Api()

Who = Annotated[Caller, Given(caller)]
Many = Annotated[Batches, Given(get_batches)]


@app.post(
    "/scheduler/allocations/batch",
    summary="Allocate many devices",
    tags=["batches"],
    openapi_extensions=refusals(
        errors.NoAvailableDevices, errors.QuotaExceeded, errors.CapExceeded, errors.QuotaServiceUnavailable, *UNPAID
    ),
)
def allocate(
    body: BatchAllocateBody, who: Who, key: Annotated[RequestKey | None, Given(request_key)], batches: Many
) -> Response[Envelope[BatchView[BatchGrant]]]:
    """Lend a device to each, in order; the refusals here are those of an atomic batch."""
    result = batches.allocate(body.to_batch(who, key))
    return ok(Envelope(data=view_grants(result), message=f"Devices allocated: {len(result.successes)}"))


@app.post(
    "/scheduler/allocations/batch/release",
    summary="Release many allocations",
    tags=["batches"],
    openapi_extensions=refusals(errors.AllocationNotFound, errors.AllocationNotActive),
)
def release(
    body: BatchReleaseBody, who: Who, key: Annotated[RequestKey | None, Given(request_key)], batches: Many
) -> Response[Envelope[BatchView[BatchRelease]]]:
    """End each allocation, in order; the refusals here are those of an atomic batch."""
    result = batches.release(body.to_batch(who, key))
    return ok(Envelope(data=view_releases(result), message=f"Devices released: {len(result.successes)}"))


@app.post(
    "/scheduler/allocations/batch/renew",
    summary="Renew many allocations",
    tags=["batches"],
    openapi_extensions=refusals(
        errors.AllocationNotFound,
        errors.AllocationNotActive,
        errors.RenewalRefused,
        errors.RenewalForbidden,
        errors.QuotaExceeded,
        errors.QuotaServiceUnavailable,
        *UNPAID,
    ),
)
def renew(
    body: BatchRenewBody, who: Who, key: Annotated[RequestKey | None, Given(request_key)], batches: Many
) -> Response[Envelope[BatchView[BatchRenewal]]]:
    """Add the minutes to each allocation, in order; the refusals here are those of an atomic batch."""
    result = batches.renew(body.to_batch(who, key), body.to_later_end())
    return ok(Envelope(data=view_renewals(result), message=f"Allocations renewed: {len(result.successes)}"))


@app.post("/scheduler/allocations/batch/query", summary="List what many users hold", tags=["batches"])
def query(
    body: BatchQueryBody, who: Who, key: Annotated[RequestKey | None, Given(request_key)], batches: Many
) -> Response[Envelope[BatchView[BatchHoldings]]]:
    """List the active allocations of each user, in order, at most 50 each, without addresses."""
    return ok(Envelope(data=view_holdings(batches.active(body.to_batch(who, key)))))


handler = lambda_entry(app)
