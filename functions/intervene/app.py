"""POST /scheduler/allocations/{allocationId}/revoke and …/failover: operators take a device from its holder."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Path

from scheduler.domain.errors import AllocationNotActive, AllocationNotFound
from scheduler.domain.model import RequestKey
from scheduler.edge.fields import Id
from scheduler.edge.http import Envelope, create_api, lambda_entry, ok, refusals, request_key
from scheduler.edge.schemas.interventions import FailoverView, ReasonBody, RevocationView
from scheduler.runtime.interventions import get_failover
from scheduler.service.failover import Failover

app = create_api()


@app.post(
    "/scheduler/allocations/<allocationId>/revoke",
    summary="Revoke an allocation",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, AllocationNotActive),
)
def revoke(
    allocationId: Annotated[Id, Path()],  # noqa: N803  wire name
    body: ReasonBody,
    key: Annotated[RequestKey | None, Depends(request_key)],
    failover: Annotated[Failover, Depends(get_failover)],
) -> Response[Envelope[RevocationView]]:
    """End an active allocation; its holder is told why."""
    ended = failover.revoke(allocationId, body.reason, key)
    return ok(Envelope(data=RevocationView.of(ended), message="Allocation revoked successfully"))


@app.post(
    "/scheduler/allocations/<allocationId>/failover",
    summary="Move an allocation to another device",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, AllocationNotActive),
)
def fail_over(
    allocationId: Annotated[Id, Path()],  # noqa: N803  wire name
    body: ReasonBody,
    key: Annotated[RequestKey | None, Depends(request_key)],
    failover: Annotated[Failover, Depends(get_failover)],
) -> Response[Envelope[FailoverView]]:
    """Go on with an active allocation on another device that fits; where there is none, it ends."""
    facts = failover.fail_over(body.to_order(allocationId, key))
    return ok(Envelope(data=FailoverView.of(facts), message=FailoverView.message(facts)))


handler = lambda_entry(app)
