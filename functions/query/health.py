"""GET /scheduler/health: how the scheduler and its dependencies are. Anyone may ask."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from scheduler.edge.http import Envelope
from scheduler.edge.schemas.operations import HealthView
from scheduler.ports import Probe
from scheduler.runtime.health import get_probes
from scheduler.service.health import check_health

router = APIGatewayHttpRouter()


@router.get("/scheduler/health", summary="Ask for health", tags=["operations"])
def health(probes: Annotated[Sequence[Probe], Depends(get_probes)]) -> Response[Envelope[HealthView]]:
    """Answer 200 with ok or degraded, 503 with down when Postgres does not answer."""
    found = check_health(probes)
    return Response(
        status_code=HTTPStatus.SERVICE_UNAVAILABLE if found.status == "down" else HTTPStatus.OK,
        content_type="application/json",
        body=Envelope(success=found.status != "down", data=HealthView(status=found.status, parts=found.parts)),
    )
