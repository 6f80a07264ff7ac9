"""The routes that services use beside those of `routes`: batches and webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from cloudphone import service_models as service
from cloudphone.calls import PAGE, Call, Page, data, delete, get, given, listed, part, post
from cloudphone.routes import Wants, wanted


def allocate_batch(
    items: Sequence[Wants], *, atomic: bool = False, continue_on_error: bool = True
) -> Call[service.GrantBatch]:
    """Lend up to 50 devices, each item naming its user: what can be had, with `atomic` all or nothing.

    Without `continue_on_error` it ends at the first failure, and keeps what came before. An atomic batch that fails
    raises what its first failing item would.
    """
    body = {"items": [wanted(one.get("user_id"), one) for one in items], **_manner(atomic, continue_on_error)}
    return post("/allocations/batch", data(service.GrantBatch), body)


def release_batch(
    allocation_ids: Sequence[str], *, atomic: bool = False, continue_on_error: bool = True
) -> Call[service.ReleaseBatch]:
    """End up to 100 allocations."""
    body = {"allocationIds": allocation_ids, **_manner(atomic, continue_on_error)}
    return post("/allocations/batch/release", data(service.ReleaseBatch), body)


def renew_batch(
    allocation_ids: Sequence[str],
    minutes: int,
    reason: str | None = None,
    *,
    atomic: bool = False,
    continue_on_error: bool = True,
) -> Call[service.RenewalBatch]:
    """Add minutes to up to 50 allocations."""
    body = {"allocationIds": allocation_ids, "additionalMinutes": minutes, **given(reason=reason)}
    return post("/allocations/batch/renew", data(service.RenewalBatch), body | _manner(atomic, continue_on_error))


def query_batch(user_ids: Sequence[str]) -> Call[service.QueryBatch]:
    """List what up to 100 users hold."""
    return post("/allocations/batch/query", data(service.QueryBatch), {"userIds": user_ids})


def add_webhook(
    url: str, types: Sequence[str] = ("*",), *, description: str | None = None, tenant_id: str | None = None
) -> Call[service.NewWebhook]:
    """Have events of these types sent to a URL, `*`: all; the answer alone has the secret that signs them."""
    body = given(url=url, types=types, description=description, tenantId=tenant_id)
    return post("/webhooks", data(service.NewWebhook), body)


def webhooks(*, limit: int = PAGE) -> Call[Page[service.Webhook]]:
    """List webhooks and their health, newest first."""
    return listed("/webhooks", service.Webhook, limit=limit)


def webhook(webhook_id: str) -> Call[service.Webhook]:
    """Read one webhook."""
    return get(f"/webhooks/{part(webhook_id)}", data(service.Webhook))


def remove_webhook(webhook_id: str) -> Call[None]:
    """Send nothing to it any more. Raises WebhookNotFound: also where an answer was lost and it is gone already."""
    return delete(f"/webhooks/{part(webhook_id)}")


def enable_webhook(webhook_id: str) -> Call[service.Webhook]:
    """Send again to one that was disabled."""
    return post(f"/webhooks/{part(webhook_id)}/enable", data(service.Webhook))


def ping_webhook(webhook_id: str) -> Call[service.Ping]:
    """Send it a greeting, to see that it arrives."""
    return post(f"/webhooks/{part(webhook_id)}/ping", data(service.Ping))


def _manner(atomic: bool, continue_on_error: bool) -> dict[str, bool]:
    return given(atomic=atomic or None, continueOnError=None if continue_on_error else False)
