"""PUT /scheduler/quotas/{userId}, GET and PUT /scheduler/plans/{name}: operators say who may have how much."""

from typing import Annotated

from scheduler.domain.errors import PlanNotFound, QuotasKeptElsewhere
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.fields import Id
from scheduler.edge.http import caller, refusals
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.quotas import PlanBody, PlanName, PlanView, QuotaBody, QuotaView
from scheduler.runtime.quotas import get_quota_changes
from scheduler.service.quotas import QuotaChanges

routes = Routes()


@routes.put(
    "/scheduler/quotas/{userId}",
    summary="Give a user a quota",
    tags=["quotas"],
    openapi_extensions=refusals(QuotasKeptElsewhere),
)
def change_quota(
    userId: Id,  # noqa: N803  wire name
    body: QuotaBody,
    who: Annotated[Caller, Given(caller)],
    changes: Annotated[QuotaChanges, Given(get_quota_changes)],
) -> Response[Envelope[QuotaView]]:
    """Take the place of the user's quota; what exceeds lower limits ends at once, the oldest first."""
    changed = changes.change(body.to_change(userId, who))
    return ok(Envelope(data=QuotaView.of(changed), message="Quota changed"))


@routes.get(
    "/scheduler/plans/{name}", summary="Read a plan", tags=["quotas"], openapi_extensions=refusals(PlanNotFound)
)
def plan(name: PlanName, changes: Annotated[QuotaChanges, Given(get_quota_changes)]) -> Response[Envelope[PlanView]]:
    """Give the limits of a plan."""
    return ok(Envelope(data=PlanView.of(changes.plan(name))))


@routes.put(
    "/scheduler/plans/{name}",
    summary="Make or change a plan",
    tags=["quotas"],
    openapi_extensions=refusals(QuotasKeptElsewhere),
)
def change_plan(
    name: PlanName, body: PlanBody, changes: Annotated[QuotaChanges, Given(get_quota_changes)]
) -> Response[Envelope[PlanView]]:
    """Take the place of the plan's limits; what its users hold beyond lower ones ends at once, the oldest first."""
    return ok(Envelope(data=PlanView.of(changes.change_plan(body.to_plan(name))), message="Plan changed"))
