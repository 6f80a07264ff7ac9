"""Dispatch: each minute by schedule, at each nudge of the queue behind the topic, and now by POST …/queue/process."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.http import Api, lambda_entry, request_key
from scheduler.edge.schedule import scheduled
from scheduler.edge.schemas.queue import ProcessBody, ServedCount
from scheduler.runtime.queue import get_dispatcher
from scheduler.service.dispatcher import Dispatcher
from scheduler.settings import settings

app = Api()


@app.post("/scheduler/queue/process", summary="Serve the queue now", tags=["queue"])
def process(
    key: Annotated[RequestKey | None, Given(request_key)],
    dispatcher: Annotated[Dispatcher, Given(get_dispatcher)],
    body: ProcessBody | None = None,
) -> Response[Envelope[ServedCount]]:
    """Lend what is free to the first in line, up to `limit` of them, and say how many were served."""
    served = dispatcher.process((body or ProcessBody()).limit, key)
    return ok(Envelope(data=ServedCount(served=served), message=f"Served {served} waiters"))


answer_request = lambda_entry(app)
answer_schedule = scheduled(lambda: get_dispatcher().run(settings().dispatch_seconds))
answer_nudges = scheduled(lambda: get_dispatcher().nudge())


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Answer a request; work on nudges, whatever they say, as one; or run when a schedule calls."""
    if "requestContext" in event:
        return answer_request(event, context)
    if "Records" in event:
        answer_nudges(event, context)
        return {"batchItemFailures": []}
    return answer_schedule(event, context)
