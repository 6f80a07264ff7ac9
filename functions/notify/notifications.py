"""GET /scheduler/notifications and POST /{notificationId}/read: the list within the app."""

from typing import Annotated

from scheduler.domain.errors import NotificationNotFound
from scheduler.domain.model import RequestKey
from scheduler.domain.notices import NotificationFilter
from scheduler.edge.answers import Envelope, PageMeta, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_time_cursor, write_cursor
from scheduler.edge.fields import Id, PageSize
from scheduler.edge.http import caller, refusals, request_key
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.allocations import EmptyBody
from scheduler.edge.schemas.notifications import NotificationsPage, NotificationView
from scheduler.runtime.notices import get_notifications
from scheduler.service.notifications import Notifications

routes = Routes()


@routes.get("/scheduler/notifications", summary="List notifications", tags=["notifications"])
def list_notifications(
    who: Annotated[Caller, Given(caller)],
    notifications: Annotated[Notifications, Given(get_notifications)],
    user_id: Annotated[Id | None, Query(alias="userId", description="a service says whose")] = None,
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    unread: Annotated[bool, Query(description="only those that are")] = False,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[NotificationsPage]:
    """List what a user was told, newest first, and count what is unread: a user its own, a service its users'."""
    user = who.acting_for_own(user_id, tenant_id)
    page = notifications.page(NotificationFilter(user, unread, read_time_cursor(cursor), limit))
    follows = write_cursor(page.shown[-1].created_at.isoformat(), page.shown[-1].id) if page.more else None
    return ok(NotificationsPage.of(page, PageMeta(limit=limit, nextCursor=follows)))


@routes.post(
    "/scheduler/notifications/{notificationId}/read",
    summary="Mark a notification as read",
    tags=["notifications"],
    openapi_extensions=refusals(NotificationNotFound),
)
def read(
    notificationId: Id,  # noqa: N803  wire name
    who: Annotated[Caller, Given(caller)],
    key: Annotated[RequestKey | None, Given(request_key)],
    notifications: Annotated[Notifications, Given(get_notifications)],
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[Envelope[NotificationView]]:
    """Mark one as read; once it is, it stays so, with the time of the first reading."""
    found = notifications.read(notificationId, who.seen_tenant, who.seen_user, key)
    return ok(Envelope(data=NotificationView.of(found), message="Notification read"))
