"""GET /scheduler/queue/stats: how waits ended, and how the estimates were kept."""

from typing import Annotated

from msgspec import Meta

from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.queue import QueueStatisticsView
from scheduler.runtime.queue import get_queue
from scheduler.service.queue import Queue

routes = Routes()

Hours = Annotated[int, Meta(ge=1, le=720)]


@routes.get("/scheduler/queue/stats", summary="Count waits", tags=["queue"])
def statistics(
    queue: Annotated[Queue, Given(get_queue)],
    hours: Annotated[Hours, Query()] = 24,
) -> Response[Envelope[QueueStatisticsView]]:
    """Tell who waits, how the waits of the last hours ended, by tier, and how the estimates were kept."""
    return ok(Envelope(data=QueueStatisticsView.of_all(queue.statistics(hours))))
