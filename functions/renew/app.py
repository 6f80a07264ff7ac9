"""POST /scheduler/allocations/{allocationId}/renew and GET …/renewal: a later end, and what is possible."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Path

from scheduler.domain.errors import (
    AllocationNotActive,
    AllocationNotFound,
    QuotaExceeded,
    QuotaServiceUnavailable,
    RenewalRefused,
    UserBusy,
)
from scheduler.domain.model import RequestKey
from scheduler.edge.fields import Id
from scheduler.edge.http import UNPAID, Envelope, caller, create_api, lambda_entry, ok, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.renewals import RenewalOutlookView, RenewalView, RenewBody
from scheduler.runtime.renewals import get_renewer
from scheduler.runtime.reservations import get_attendance
from scheduler.service.attendance import Attendance
from scheduler.service.renewer import Renewer

app = create_api()


@app.post(
    "/scheduler/allocations/<allocationId>/renew",
    summary="Renew an allocation",
    tags=["allocations"],
    openapi_extensions=refusals(
        AllocationNotFound,
        AllocationNotActive,
        QuotaExceeded,
        RenewalRefused,
        QuotaServiceUnavailable,
        *UNPAID,
        UserBusy,
    ),
)
def renew(
    allocationId: Annotated[Id, Path()],  # noqa: N803  wire name
    body: RenewBody,
    who: Annotated[Caller, Depends(caller)],
    key: Annotated[RequestKey | None, Depends(request_key)],
    renewer: Annotated[Renewer, Depends(get_renewer)],
    attendance: Annotated[Attendance, Depends(get_attendance)],
) -> Response[Envelope[RenewalView]]:
    """Add minutes to an active allocation, within the rules of its holder's tier; a renewal never shortens."""
    attendance.note(who.tenant_id, who.seen_user)
    renewal = renewer.renew(body.to_request(allocationId, who, key))
    return ok(Envelope(data=RenewalView.of(renewal), message="Allocation renewed successfully"))


@app.get(
    "/scheduler/allocations/<allocationId>/renewal",
    summary="Look ahead at a renewal",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, QuotaServiceUnavailable),
)
def outlook(
    allocationId: Annotated[Id, Path()],  # noqa: N803  wire name
    who: Annotated[Caller, Depends(caller)],
    renewer: Annotated[Renewer, Depends(get_renewer)],
) -> Response[Envelope[RenewalOutlookView]]:
    """Say whether it can be renewed, by how much or from when, and what renewals there were."""
    return ok(Envelope(data=RenewalOutlookView.of(renewer.outlook(allocationId, who.seen_tenant, who.seen_user))))


handler = lambda_entry(app)
