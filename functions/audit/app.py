"""The audit: each hour by schedule over everything, and now by GET /scheduler/audit over live rows and the last day.

What operators did has a file of its own.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import acts
from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import Api, lambda_entry
from scheduler.edge.schedule import scheduled
from scheduler.edge.schemas.audit import AuditView
from scheduler.runtime import get_auditor
from scheduler.service.auditor import Auditor

app = Api()
app.include(acts.routes)


@app.get("/scheduler/audit", summary="Prove that every invariant holds", tags=["operations"])
def audit(
    auditor: Annotated[Auditor, Given(get_auditor)],
) -> Response[Envelope[AuditView]]:
    """Check each invariant now, within ten seconds: it holds, or these rows offend."""
    return ok(Envelope(data=AuditView.of(auditor.look())))


answer_request = lambda_entry(app)


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, or examine everything when a schedule calls."""
    if "requestContext" in event:
        return answer_request(event, context)
    sweep = scheduled(lambda: get_auditor().run(lambda: context.get_remaining_time_in_millis() / 1000))
    return sweep(event, context)
