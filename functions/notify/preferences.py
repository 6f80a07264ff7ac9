"""GET and PUT /scheduler/notifications/preferences: in which language a user is told, and how."""

from typing import Annotated

from scheduler.edge.answers import Envelope, Response, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.fields import Id
from scheduler.edge.http import caller
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.notifications import PreferencesBody, PreferencesView
from scheduler.runtime.notices import get_notifications
from scheduler.service.notifications import Notifications

routes = Routes()


@routes.get("/scheduler/notifications/preferences", summary="Read how a user is told", tags=["notifications"])
def preferences(
    who: Annotated[Caller, Given(caller)],
    notifications: Annotated[Notifications, Given(get_notifications)],
    user_id: Annotated[Id | None, Query(alias="userId", description="a service says whose")] = None,
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
) -> Response[Envelope[PreferencesView]]:
    """Give the language and channels of a user's notices."""
    found = notifications.preferences(who.acting_for_own(user_id, tenant_id))
    return ok(Envelope(data=PreferencesView.of(found)))


@routes.put("/scheduler/notifications/preferences", summary="Choose how to be told", tags=["notifications"])
def prefer(
    body: PreferencesBody,
    who: Annotated[Caller, Given(caller)],
    notifications: Annotated[Notifications, Given(get_notifications)],
) -> Response[Envelope[PreferencesView]]:
    """Choose language and channels for the notices to come; those there are stay as they are."""
    kept = notifications.prefer(body.to_preferences(who))
    return ok(Envelope(data=PreferencesView.of(kept), message="Preferences kept"))
