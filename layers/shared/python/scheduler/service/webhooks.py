"""Tenants say where they want to be told of events."""

import logging
import secrets
from collections.abc import Sequence

from scheduler.domain.errors import ValidationFailed, WebhookNotFound
from scheduler.domain.model import RequestKey
from scheduler.domain.outcome import accepted
from scheduler.domain.targets import TargetRefused
from scheduler.domain.webhooks import SECRET_BYTES, Webhook, WebhookFilter, WebhookRequest, write_secret
from scheduler.ports import KeyStore
from scheduler.ports.webhooks import TargetCheck, WebhookStore

logger = logging.getLogger(__name__)


class Webhooks:
    """A tenant's webhooks; `tenant_id` None means those of all. No URL and no secret is logged."""

    def __init__(self, store: WebhookStore, keys: KeyStore, targets: TargetCheck) -> None:
        """Take where they are kept, and what knows where they may lead."""
        self._store = store
        self._keys = keys
        self._targets = targets

    def register(self, request: WebhookRequest) -> tuple[Webhook, str]:
        """Keep a new webhook; give it with its secret, which is told to nobody after this request and its repetitions.

        Raises:
            ValidationFailed: Webhooks may not lead there.
            TooManyWebhooks: The tenant has as many as it may.
            WebhookNotFound: It was removed since the first request with this key.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        facts = None if request.key is None else self._keys.kept(request.key)
        if facts is None:
            self._check(request.url)
            facts = self._store.add(request, write_secret(secrets.token_bytes(SECRET_BYTES)))
        webhook = self.find(accepted(facts)["webhookId"], request.tenant_id)
        secret = self._store.secret(webhook.id)
        if secret is None:
            raise WebhookNotFound
        logger.info("webhook registered", extra={**_names(webhook), "types": list(webhook.types)})
        return webhook, secret

    def find(self, webhook_id: str, tenant_id: str | None) -> Webhook:
        """Find one.

        Raises:
            WebhookNotFound: There is none, or it is another's.
        """
        found = self._store.find(webhook_id, tenant_id)
        if found is None:
            raise WebhookNotFound
        return found

    def page(self, wanted: WebhookFilter) -> tuple[Sequence[Webhook], bool]:
        """List them newest first, and tell whether more follow."""
        found = self._store.page(wanted)
        return found[: wanted.limit], len(found) > wanted.limit

    def remove(self, webhook_id: str, tenant_id: str | None) -> None:
        """Forget one, with what waits for it.

        Raises:
            WebhookNotFound: There is none, or it is another's.
        """
        accepted(self._store.remove(webhook_id, tenant_id))
        logger.info("webhook removed", extra={"webhookId": webhook_id})

    def enable(self, webhook_id: str, tenant_id: str | None, key: RequestKey | None) -> Webhook:
        """Keep events for one again that was disabled.

        Raises:
            WebhookNotFound: There is none, or it is another's.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        accepted(self._store.enable(webhook_id, tenant_id, key))
        webhook = self.find(webhook_id, tenant_id)
        logger.info("webhook enabled", extra=_names(webhook))
        return webhook

    def ping(self, webhook_id: str, tenant_id: str | None, key: RequestKey | None) -> str:
        """Have a greeting sent to one; give the id of its event.

        Raises:
            WebhookNotFound: There is none, or it is another's.
            WebhookDisabled: Nothing is sent to it.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        event_id: str = accepted(self._store.ping(webhook_id, tenant_id, key))["eventId"]
        return event_id

    def _check(self, url: str) -> None:
        try:
            self._targets.check(url)
        except TargetRefused as refusal:
            raise ValidationFailed(members={"errors": [{"field": "url", "detail": str(refusal)}]}) from None


def _names(webhook: Webhook) -> dict[str, str]:
    return {"webhookId": webhook.id, "tenantId": webhook.tenant_id}
