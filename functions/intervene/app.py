"""POST /scheduler/allocations/{allocationId}/revoke and …/failover: operators take a device from its holder.

Quotas and plans, and dead letters, have files of their own.
"""

from typing import Annotated

import dead_letters
import quota_changes

from scheduler.domain.errors import AllocationNotActive, AllocationNotFound
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.fields import Id
from scheduler.edge.http import Api, lambda_entry, refusals, request_key
from scheduler.edge.schemas.interventions import FailoverView, ReasonBody, RevocationView
from scheduler.runtime.interventions import get_failover
from scheduler.service.failover import Failover

app = Api()
app.include(quota_changes.routes)
app.include(dead_letters.routes)


@app.post(
    "/scheduler/allocations/{allocationId}/revoke",
    summary="Revoke an allocation",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, AllocationNotActive),
)
def revoke(
    allocationId: Id,  # noqa: N803  wire name
    body: ReasonBody,
    key: Annotated[RequestKey | None, Given(request_key)],
    failover: Annotated[Failover, Given(get_failover)],
) -> Response[Envelope[RevocationView]]:
    """End an active allocation; its holder is told why."""
    ended = failover.revoke(allocationId, body.reason, key)
    return ok(Envelope(data=RevocationView.of(ended), message="Allocation revoked successfully"))


@app.post(
    "/scheduler/allocations/{allocationId}/failover",
    summary="Move an allocation to another device",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, AllocationNotActive),
)
def fail_over(
    allocationId: Id,  # noqa: N803  wire name
    body: ReasonBody,
    key: Annotated[RequestKey | None, Given(request_key)],
    failover: Annotated[Failover, Given(get_failover)],
) -> Response[Envelope[FailoverView]]:
    """Go on with an active allocation on another device that fits; where there is none, it ends."""
    facts = failover.fail_over(body.to_order(allocationId, key))
    return ok(Envelope(data=FailoverView.of(facts), message=FailoverView.message(facts)))


handler = lambda_entry(app)
