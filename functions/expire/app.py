"""The expiry sweep: each minute by schedule, and now by POST /scheduler/allocations/release-expired.

The schedule also takes devices out of service that are not recycled in time.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import Api, lambda_entry, request_key
from scheduler.edge.schedule import scheduled
from scheduler.edge.schemas.allocations import EmptyBody, ExpiredCount
from scheduler.runtime import get_expirer
from scheduler.runtime.fleet import get_device_life
from scheduler.service.expirer import Expirer

app = Api()


@app.post("/scheduler/allocations/release-expired", summary="End overdue allocations now", tags=["allocations"])
def release_expired(
    key: Annotated[RequestKey | None, Given(request_key)],
    expirer: Annotated[Expirer, Given(get_expirer)],
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[ExpiredCount]:
    """Run the sweep now, for all tenants, and say how many it ended."""
    count = expirer.expire_on_request(key)
    return ok(ExpiredCount(count=count, message=f"Released {count} expired allocations"))


answer_request = lambda_entry(app)
sweep = scheduled(lambda: {"expired": get_expirer().expire(), "quarantined": get_device_life().sweep()})


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request, or sweep when a schedule calls."""
    return answer_request(event, context) if "requestContext" in event else sweep(event, context)
