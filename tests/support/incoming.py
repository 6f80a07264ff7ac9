"""Events from outside as they are sent: one good one of each type, and the messages that bring them."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from scheduler.domain.catalogue import read_event
from scheduler.domain.incoming import Message
from scheduler.domain.model import User

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OF_USER = {"userId": "alice", "tenantId": "acme"}
PAYMENT = OF_USER | {"paymentId": "pay-1", "amount": 9.5, "currency": "EUR"}

DATA: Mapping[str, Mapping[str, Any]] = {
    "device.failed": {"deviceId": "phone-1", "reason": "No answer for a minute"},
    "device.status_changed": {"deviceId": "phone-1", "oldStatus": "running", "newStatus": "error"},
    "device.deleted": {"deviceId": "phone-1"},
    "device.maintenance": {"deviceId": "phone-1", "maintenanceType": "battery", "estimatedDuration": 30},
    "device.heartbeat": {
        "deviceId": "phone-1",
        "cpuUsage": 12.5,
        "memoryUsage": 40,
        "storageUsage": 0,
        "observedAt": "2026-03-02T11:59:59Z",
    },
    "device.recycled": {"deviceId": "phone-1"},
    "user.suspended": OF_USER,
    "user.deleted": OF_USER,
    "user.activated": OF_USER,
    "user.quota_updated": OF_USER | {"limits": {"maxDevices": 2, "totalMemoryGB": 16, "maxCpuCoresPerDevice": -1}},
    "billing.overdue": PAYMENT,
    "billing.payment_failed": PAYMENT,
    "billing.payment_success": PAYMENT,
}


def envelope(kind: str, **members: Any) -> dict[str, Any]:
    """Give a good CloudEvent of a type, with other members where they are named."""
    return {
        "specversion": "1.0",
        "id": "event-1",
        "source": "/outside",
        "type": kind,
        "time": "2026-03-02T11:00:00Z",
        "data": DATA[kind],
    } | members


def message(event: Any, sent_at: datetime = NOON) -> Message:
    """Give the message that brings an event; a text is its body as it is."""
    body = event if isinstance(event, str) else json.dumps(event)
    return Message(id="message-1", body=body, sent_at=sent_at, group_id="group-1")


def about(user: User, kind: str, at: datetime = NOON, **data: Any) -> Any:
    """Give a good event of a type about a user, at a time."""
    told = {**DATA[kind], "tenantId": user.tenant_id, "userId": user.user_id, **data}
    return read_event(message(envelope(kind, id=str(uuid.uuid4()), time=at.isoformat(), data=told), datetime.now(UTC)))
