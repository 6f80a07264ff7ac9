"""Wires webhooks: their routes, what is kept for them, what is sent to them."""

from functools import lru_cache

from scheduler.adapters.http.target_guard import TargetGuard
from scheduler.adapters.postgres.webhook_deliveries import PostgresDeliveries
from scheduler.runtime import database, meter
from scheduler.service.webhook_announcer import WebhookAnnouncer
from scheduler.service.webhook_sender import WebhookSender
from scheduler.service.webhooks import Webhooks
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_webhooks() -> Webhooks:
    """Wire the routes under /webhooks."""
    from scheduler.adapters.postgres.keys import PostgresKeys
    from scheduler.adapters.postgres.webhooks import PostgresWebhooks

    return Webhooks(PostgresWebhooks(database()), PostgresKeys(database()), _guard())


@lru_cache(maxsize=1)
def get_webhook_announcer() -> WebhookAnnouncer:
    """Wire the queue of events for webhooks."""
    return WebhookAnnouncer(PostgresDeliveries(database()), meter())


@lru_cache(maxsize=1)
def get_webhook_sender() -> WebhookSender:
    """Wire the run that sends."""
    from scheduler.adapters.http.webhook_courier import WebhookCourier

    return WebhookSender(PostgresDeliveries(database()), WebhookCourier(_guard()), meter())


def _guard() -> TargetGuard:
    return TargetGuard(settings().webhook_allowed_targets)
