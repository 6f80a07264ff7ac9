"""The priority queue: join, look, leave. Its figures have a file of their own."""

from typing import Annotated

import figures

from scheduler.domain import errors
from scheduler.domain.model import RequestKey
from scheduler.domain.queue import EntryStatus, QueueFilter
from scheduler.edge import http
from scheduler.edge.answers import Envelope, Page, PageMeta, Response, created, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_time_cursor, write_cursor
from scheduler.edge.fields import Id, PageSize
from scheduler.edge.identity import Caller
from scheduler.edge.schemas.allocations import EmptyBody
from scheduler.edge.schemas.queue import JoinBody
from scheduler.edge.schemas.waits import QueueEntryView
from scheduler.runtime.queue import get_queue
from scheduler.service.queue import Queue

JOIN_REFUSALS = (errors.AlreadyQueued, errors.QuotaExceeded, errors.CapExceeded, errors.NoAvailableDevices)

app = http.Api()
app.include(figures.routes)


@app.post(
    "/scheduler/queue",
    summary="Join the queue",
    tags=["queue"],
    status_code=201,
    openapi_extensions=http.refusals(*JOIN_REFUSALS, errors.QuotaServiceUnavailable, *http.UNPAID),
)
def join(
    body: JoinBody,
    who: Annotated[Caller, Given(http.caller)],
    key: Annotated[RequestKey | None, Given(http.request_key)],
    queue: Annotated[Queue, Given(get_queue)],
) -> Response[Envelope[QueueEntryView]]:
    """Wait for a device; the answer is fulfilled already when one is free. The tier is that of the user's plan."""
    wait = queue.join(body.to_request(who, key))
    return created(Envelope(data=QueueEntryView.of(wait), message="Joined the queue"))


@app.get("/scheduler/queue", summary="List waits", tags=["queue"])
def list_waits(
    who: Annotated[Caller, Given(http.caller)],
    queue: Annotated[Queue, Given(get_queue)],
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    user_id: Annotated[Id | None, Query(alias="userId")] = None,
    status: Annotated[EntryStatus | None, Query()] = None,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[Page[QueueEntryView]]:
    """List them newest first; a user sees its own, a service its tenant's, an operator all."""
    if who.seen_user is not None and user_id is not None:
        who.acting_for(user_id, None)
    after = read_time_cursor(cursor)
    wanted = QueueFilter(who.tenant(tenant_id), who.seen_user or user_id, status, after, limit)
    found, more = queue.page(wanted)
    follows = write_cursor(found[-1].entry.joined_at.isoformat(), found[-1].entry.id) if more else None
    return ok(Page(data=[QueueEntryView.of(wait) for wait in found], meta=PageMeta(limit=limit, nextCursor=follows)))


@app.get(
    "/scheduler/queue/{entryId}",
    summary="Read a wait",
    tags=["queue"],
    openapi_extensions=http.refusals(errors.QueueEntryNotFound),
)
def read(
    entryId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(http.caller)],
    queue: Annotated[Queue, Given(get_queue)],
) -> Response[Envelope[QueueEntryView]]:
    """Give one wait: its place and estimate while it lasts, the allocation when it is fulfilled."""
    return ok(Envelope(data=QueueEntryView.of(queue.find(entryId, who.seen_tenant, who.seen_user))))


@app.post(
    "/scheduler/queue/{entryId}/cancel",
    summary="Leave the queue",
    tags=["queue"],
    openapi_extensions=http.refusals(errors.QueueEntryNotFound, errors.QueueEntryNotWaiting),
)
def cancel(
    entryId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(http.caller)],
    key: Annotated[RequestKey | None, Given(http.request_key)],
    queue: Annotated[Queue, Given(get_queue)],
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[Envelope[QueueEntryView]]:
    """End a wait that goes on; what was fulfilled is given back by a release."""
    wait = queue.cancel(entryId, who.seen_tenant, who.seen_user, key)
    return ok(Envelope(data=QueueEntryView.of(wait), message="Left the queue"))


handler = http.lambda_entry(app)
