"""What webhooks need of the outside world."""

from collections.abc import Sequence
from typing import Protocol

from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import Facts
from scheduler.domain.webhooks import Delivery, Reply, Webhook, WebhookFilter, WebhookRequest


class WebhookStore(Protocol):
    """Where webhooks are kept. `tenant_id` None: of any tenant."""

    def add(self, request: WebhookRequest, secret: str) -> Facts:
        """Keep a new webhook, unless the tenant has as many as it may."""

    def secret(self, webhook_id: str) -> str | None:
        """Give what a webhook's events are signed with."""

    def find(self, webhook_id: str, tenant_id: str | None) -> Webhook | None:
        """Find one."""

    def page(self, wanted: WebhookFilter) -> Sequence[Webhook]:
        """List one more than `wanted.limit`, newest first, so that the caller knows whether more follow."""

    def remove(self, webhook_id: str, tenant_id: str | None) -> Facts:
        """Forget one, with what waits for it."""

    def enable(self, webhook_id: str, tenant_id: str | None, key: RequestKey | None) -> Facts:
        """Let events be kept for one again."""

    def ping(self, webhook_id: str, tenant_id: str | None, key: RequestKey | None) -> Facts:
        """Keep a delivery of nothing but a greeting."""


class DeliveryStore(Protocol):
    """Where events wait for webhooks. Each method is one transaction."""

    def spread(self, tenant_id: str, event_id: str, event_type: str, body: str) -> Facts:
        """Keep one delivery for each webhook of the tenant that wants the event, however often it is told."""

    def claim(self, limit: int, lease_seconds: float) -> Sequence[Delivery]:
        """Begin up to `limit` attempts that are due, one a webhook; nobody else does so within the lease."""

    def settle(self, delivery: Delivery, reply: Reply, retry_seconds: float | None) -> Facts:
        """Keep what came of an attempt."""


class TargetCheck(Protocol):
    """Knows where webhooks may lead."""

    def check(self, url: str) -> None:
        """See whether one may lead there now.

        Raises:
            TargetRefused: It may not.
        """


class Courier(Protocol):
    """Brings events to webhooks; used by many threads."""

    def send(self, delivery: Delivery) -> Reply:
        """Make one attempt, within seconds."""
