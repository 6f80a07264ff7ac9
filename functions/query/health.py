"""GET /scheduler/health: how the scheduler and its dependencies are. Anyone may ask."""

from http import HTTPStatus
from typing import Annotated

from scheduler.edge.answers import Envelope, Response
from scheduler.edge.call import Given
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.operations import HealthView
from scheduler.runtime.health import get_health_check
from scheduler.service.health import HealthCheck

routes = Routes()


@routes.get("/scheduler/health", summary="Ask for health", tags=["operations"])
def health(check: Annotated[HealthCheck, Given(get_health_check)]) -> Response[Envelope[HealthView]]:
    """Answer 200 with ok or degraded, 503 with down when Postgres does not answer."""
    found = check.look()
    return Response(
        HTTPStatus.SERVICE_UNAVAILABLE if found.status == "down" else HTTPStatus.OK,
        Envelope(success=found.status != "down", data=HealthView.of(found)),
    )
