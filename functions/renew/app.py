"""POST /scheduler/allocations/{allocationId}/renew and GET …/renewal: a later end, and what is possible."""

from typing import Annotated

from scheduler.domain.errors import (
    AllocationNotActive,
    AllocationNotFound,
    QuotaExceeded,
    QuotaServiceUnavailable,
    RenewalRefused,
    UserBusy,
)
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.fields import Id
from scheduler.edge.http import UNPAID, Api, caller, lambda_entry, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.renewals import RenewalOutlookView, RenewalView, RenewBody
from scheduler.runtime.renewals import get_renewer
from scheduler.runtime.reservations import get_attendance
from scheduler.service.attendance import Attendance
from scheduler.service.renewer import Renewer

app = Api()


@app.post(
    "/scheduler/allocations/{allocationId}/renew",
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
    allocationId: Id,  # noqa: N803  wire name
    body: RenewBody,
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    renewer: Annotated[Renewer, Given(get_renewer)],
    attendance: Annotated[Attendance, Given(get_attendance)],
) -> Response[Envelope[RenewalView]]:
    """Add minutes to an active allocation, within the rules of its holder's tier; a renewal never shortens."""
    attendance.note(who.tenant_id, who.seen_user)
    renewal = renewer.renew(body.to_request(allocationId, who, key))
    return ok(Envelope(data=RenewalView.of(renewal), message="Allocation renewed successfully"))


@app.get(
    "/scheduler/allocations/{allocationId}/renewal",
    summary="Look ahead at a renewal",
    tags=["allocations"],
    openapi_extensions=refusals(AllocationNotFound, QuotaServiceUnavailable),
)
def outlook(
    allocationId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    renewer: Annotated[Renewer, Given(get_renewer)],
) -> Response[Envelope[RenewalOutlookView]]:
    """Say whether it can be renewed, by how much or from when, and what renewals there were."""
    return ok(Envelope(data=RenewalOutlookView.of(renewer.outlook(allocationId, who.seen_tenant, who.seen_user))))


handler = lambda_entry(app)
