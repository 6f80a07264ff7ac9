"""GET /scheduler/allocations/{allocationId}/explain, and …/allocations/explain: why this device, and why none."""

from typing import Annotated

from scheduler.domain.errors import AllocationNotFound, QuotaServiceUnavailable
from scheduler.domain.model import AllocationRequest, DeviceWants
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.fields import Id, Minimum, Minutes, ShortText
from scheduler.edge.http import caller, refusals
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.explanations import AllocationExplanation, RequestExplanation
from scheduler.runtime.explanations import get_explainer
from scheduler.service.explainer import Explainer

routes = Routes()
Explaining = Annotated[Explainer, Given(get_explainer)]


@routes.get(
    "/scheduler/allocations/explain",
    summary="Explain how a request would end",
    tags=["allocations"],
    openapi_extensions=refusals(QuotaServiceUnavailable),
)
def explain_request(
    who: Annotated[Caller, Given(caller)],
    explainer: Explaining,
    user_id: Annotated[Id, Query(alias="userId")],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    minutes: Annotated[Minutes, Query(alias="durationMinutes")] = 60,
    device_type: Annotated[ShortText | None, Query(alias="deviceType")] = None,
    min_cpu: Annotated[Minimum | None, Query(alias="minCpu")] = None,
    min_memory: Annotated[Minimum | None, Query(alias="minMemory", description="MB")] = None,
    min_storage: Annotated[Minimum | None, Query(alias="minStorage", description="MB")] = None,
) -> Response[Envelope[RequestExplanation]]:
    """Tell whether it would be granted now, from which devices, or why not and what would have to change."""
    wants = DeviceWants(device_type, min_cpu, min_memory, min_storage)
    wish = AllocationRequest(who.acting_for(user_id, tenant_id), minutes, wants)
    return ok(Envelope(data=RequestExplanation.of(explainer.request(wish))))


@routes.get(
    "/scheduler/allocations/{allocationId}/explain",
    summary="Explain an allocation",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound),
)
def explain_allocation(
    allocationId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    explainer: Explaining,
) -> Response[Envelope[AllocationExplanation]]:
    """Tell by which strategy and score its device was chosen, and how the same wish would stand now."""
    return ok(Envelope(data=AllocationExplanation.of(explainer.allocation(allocationId, who.seen_tenant))))
