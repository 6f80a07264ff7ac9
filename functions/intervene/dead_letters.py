"""GET /scheduler/dlqs and POST /scheduler/dlqs/{name}/redrive: operators look at parked messages and send them back."""

from typing import Annotated

from scheduler.domain.errors import DeadLettersNotFound
from scheduler.domain.model import RequestKey
from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given
from scheduler.edge.fields import ShortText
from scheduler.edge.http import refusals, request_key
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.dead_letters import DeadLettersView, RedriveBody, RedriveView
from scheduler.runtime.dead_letters import get_redrive
from scheduler.service.dead_letters import Redrive

routes = Routes()
Letters = Annotated[Redrive, Given(get_redrive)]


@routes.get("/scheduler/dlqs", summary="List dead letters", tags=["operations"])
def waiting(letters: Letters) -> Response[Envelope[list[DeadLettersView]]]:
    """Tell about how many messages each queue has parked."""
    return ok(Envelope(data=[DeadLettersView(name=name, waiting=count) for name, count in letters.waiting().items()]))


@routes.post(
    "/scheduler/dlqs/{name}/redrive",
    summary="Send dead letters back",
    tags=["operations"],
    openapi_extensions=refusals(DeadLettersNotFound),
)
def redrive(
    name: ShortText,
    key: Annotated[RequestKey | None, Given(request_key)],
    letters: Letters,
    body: RedriveBody | None = None,
) -> Response[Envelope[RedriveView]]:
    """Send parked messages back to their queue, once the cause is gone; a message that comes twice changes nothing."""
    done = letters.redrive(name, (body or RedriveBody()).limit, key)
    view = RedriveView(name=name, moved=done.moved, left=done.left)
    return ok(Envelope(data=view, message=f"{done.moved} messages sent back"))
