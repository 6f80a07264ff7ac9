"""Keeps each event for the webhooks that want it."""

import json
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from scheduler.ports import Meter
from scheduler.ports.webhooks import DeliveryStore

logger = logging.getLogger(__name__)


class UnreadableEvent(ValueError):
    """An event without what every event has; a person has to look at it."""


class WebhookAnnouncer:
    """Told of an event twice, it keeps it once."""

    def __init__(self, deliveries: DeliveryStore, meter: Meter) -> None:
        """Take where deliveries are kept."""
        self._deliveries = deliveries
        self._meter = meter

    def announce(self, event: Mapping[str, Any]) -> None:
        """Keep an event for each webhook of its tenant that wants it; one without a tenant is nobody's.

        Raises:
            UnreadableEvent: It has no id, type or data.
            Unavailable: The database is away; announce it again.
        """
        event_id, event_type, tenant_id = _read(event)
        if tenant_id is None:
            return
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False)
        facts = self._deliveries.spread(tenant_id, event_id, event_type, body)
        if facts["missed"]:
            self._meter.count("WebhooksMissed", facts["missed"])
            missed = {"tenantId": tenant_id, "eventId": event_id, "webhooks": facts["missed"]}
            logger.warning("webhook missed an event", extra=missed)


def _read(event: Mapping[str, Any]) -> tuple[str, str, str | None]:
    try:
        event_id, event_type, tenant_id = str(uuid.UUID(event["id"])), event["type"], event["data"].get("tenantId")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableEvent(f"no event: {type(error).__name__}") from None
    if not isinstance(event_type, str) or not isinstance(tenant_id, str | None):
        raise UnreadableEvent("no event: its type or tenant is no text")
    return event_id, event_type, tenant_id or None
