"""GET /scheduler/health: how the scheduler and its dependencies are. Anyone may ask."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from scheduler.edge.answers import Envelope, Response
from scheduler.edge.call import Given
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.operations import HealthView
from scheduler.ports import Probe
from scheduler.runtime.health import get_probes
from scheduler.service.health import check_health

routes = Routes()


@routes.get("/scheduler/health", summary="Ask for health", tags=["operations"])
def health(probes: Annotated[Sequence[Probe], Given(get_probes)]) -> Response[Envelope[HealthView]]:
    """Answer 200 with ok or degraded, 503 with down when Postgres does not answer."""
    found = check_health(probes)
    return Response(
        HTTPStatus.SERVICE_UNAVAILABLE if found.status == "down" else HTTPStatus.OK,
        Envelope(success=found.status != "down", data=HealthView(status=found.status, parts=found.parts)),
    )
