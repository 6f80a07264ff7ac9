"""GET /scheduler/quotas/{userId}: what a user may have, and has."""

from typing import Annotated

from scheduler.domain.errors import QuotaNotFound, QuotaServiceUnavailable
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.fields import Id
from scheduler.edge.http import caller, refusals
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.quotas import QuotaView
from scheduler.runtime.quotas import get_quotas
from scheduler.service.quotas import Quotas

routes = Routes()


@routes.get(
    "/scheduler/quotas/{userId}",
    summary="Read a user's quota",
    tags=["quotas"],
    openapi_extensions=refusals(QuotaNotFound, QuotaServiceUnavailable),
)
def quota(
    userId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    quotas: Annotated[Quotas, Given(get_quotas)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
) -> Response[Envelope[QuotaView]]:
    """Give plan, status, limits and usage. A user reads its own, a service those of its tenant's users."""
    user = who.looking_at(userId, tenant_id)
    if user is None:
        raise QuotaNotFound
    return ok(Envelope(data=QuotaView.of(quotas.show(user, is_herself=who.seen_user is not None))))
