"""GET /scheduler/queue/stats: how waits ended, and how the estimates were kept."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from scheduler.edge.http import Envelope, ok
from scheduler.edge.schemas.queue import QueueStatisticsView
from scheduler.runtime.queue import get_queue
from scheduler.service.queue import Queue

router = APIGatewayHttpRouter()


@router.get("/scheduler/queue/stats", summary="Count waits", tags=["queue"])
def statistics(
    queue: Annotated[Queue, Depends(get_queue)],
    hours: Annotated[int, Query(ge=1, le=720)] = 24,
) -> Response[Envelope[QueueStatisticsView]]:
    """Tell who waits, how the waits of the last hours ended, by tier, and how the estimates were kept."""
    return ok(Envelope(data=QueueStatisticsView.of_all(queue.statistics(hours))))
