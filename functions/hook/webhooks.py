"""Routes under /scheduler/webhooks: register, look, remove, enable, ping. For services and operators."""

from typing import Annotated

from scheduler.domain import errors
from scheduler.domain.model import RequestKey
from scheduler.domain.webhooks import WebhookFilter
from scheduler.edge import http
from scheduler.edge.answers import Envelope, Page, PageMeta, Response, accepted, created, ok
from scheduler.edge.call import Given, Query
from scheduler.edge.cursors import Cursor, read_time_cursor, write_cursor
from scheduler.edge.fields import Id, PageSize
from scheduler.edge.identity import Caller
from scheduler.edge.routes import Routes
from scheduler.edge.schemas.allocations import EmptyBody
from scheduler.edge.schemas.webhooks import NewWebhookView, PingView, WebhookBody, WebhookView
from scheduler.runtime.webhooks import get_webhooks
from scheduler.service.webhooks import Webhooks

ALL, ONE = "/scheduler/webhooks", "/scheduler/webhooks/{webhookId}"
TAGS = ["webhooks"]
NOT_FOUND = http.refusals(errors.WebhookNotFound)
TOO_MANY = http.refusals(errors.TooManyWebhooks)
UNSENT = http.refusals(errors.WebhookNotFound, errors.WebhookDisabled)

routes = Routes()
Who = Annotated[Caller, Given(http.caller)]
Hooks = Annotated[Webhooks, Given(get_webhooks)]
HookId = Id


@routes.post(ALL, summary="Register a webhook", tags=TAGS, status_code=201, openapi_extensions=TOO_MANY)
def register(
    body: WebhookBody, who: Who, key: Annotated[RequestKey | None, Given(http.request_key)], hooks: Hooks
) -> Response[Envelope[NewWebhookView]]:
    """Have events sent to an https URL, signed with the `secret` of this answer: keep it, it is not shown again."""
    webhook, secret = hooks.register(body.to_request(who, key))
    return created(Envelope(data=NewWebhookView.of_new(webhook, secret), message="Webhook registered"))


@routes.get(ALL, summary="List webhooks", tags=TAGS)
def list_webhooks(
    who: Who,
    hooks: Hooks,
    tenant_id: Annotated[Id | None, Query(alias="tenantId", description="an operator may name any")] = None,
    limit: Annotated[PageSize, Query()] = 50,
    cursor: Annotated[Cursor | None, Query()] = None,
) -> Response[Page[WebhookView]]:
    """List them newest first, with their health: a service its tenant's, an operator a tenant's or all."""
    found, more = hooks.page(WebhookFilter(who.tenant(tenant_id), read_time_cursor(cursor), limit))
    follows = write_cursor(found[-1].created_at.isoformat(), found[-1].id) if more else None
    return ok(Page(data=[WebhookView.of(webhook) for webhook in found], meta=PageMeta(limit=limit, nextCursor=follows)))


@routes.get(ONE, summary="Read a webhook", tags=TAGS, openapi_extensions=NOT_FOUND)
def read(webhookId: HookId, who: Who, hooks: Hooks) -> Response[Envelope[WebhookView]]:  # noqa: N803  wire name
    """Give one webhook, with its health."""
    return ok(Envelope(data=WebhookView.of(hooks.find(webhookId, who.seen_tenant))))


@routes.delete(ONE, summary="Remove a webhook", tags=TAGS, openapi_extensions=NOT_FOUND)
def remove(webhookId: HookId, who: Who, hooks: Hooks) -> Response[Envelope[None]]:  # noqa: N803
    """Forget a webhook, and the events that wait for it."""
    hooks.remove(webhookId, who.seen_tenant)
    return ok(Envelope(data=None, message="Webhook removed"))


@routes.post(f"{ONE}/enable", summary="Enable a webhook", tags=TAGS, openapi_extensions=NOT_FOUND)
def enable(
    webhookId: HookId,  # noqa: N803
    who: Who,
    key: Annotated[RequestKey | None, Given(http.request_key)],
    hooks: Hooks,
    body: EmptyBody | None = None,  # noqa: ARG001  nothing may be asked for
) -> Response[Envelope[WebhookView]]:
    """Send events again to a webhook that was disabled; those of the meantime it has missed."""
    webhook = hooks.enable(webhookId, who.seen_tenant, key)
    return ok(Envelope(data=WebhookView.of(webhook), message="Webhook enabled"))


@routes.post(f"{ONE}/ping", summary="Ping a webhook", tags=TAGS, status_code=202, openapi_extensions=UNSENT)
def ping(
    webhookId: HookId,  # noqa: N803
    who: Who,
    key: Annotated[RequestKey | None, Given(http.request_key)],
    hooks: Hooks,
    body: EmptyBody | None = None,  # noqa: ARG001
) -> Response[Envelope[PingView]]:
    """Send one event of type `scheduler.webhook.ping`, to see that it arrives; it is tried like others."""
    event_id = hooks.ping(webhookId, who.seen_tenant, key)
    return accepted(Envelope(data=PingView(eventId=event_id), message="On its way"))
