"""Webhooks as callers register and see them."""

# ruff: noqa: N815  wire names
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta

from scheduler.domain.events import EventType
from scheduler.domain.model import RequestKey
from scheduler.domain.targets import LONGEST_URL
from scheduler.domain.webhooks import ANY_TYPE, Webhook, WebhookRequest, WebhookStatus
from scheduler.edge.fields import STORABLE, Id, Instant, Reason, View, WireModel
from scheduler.edge.identity import Caller
from scheduler.edge.validation import wrong

_URL = "https://hooks.example.com/scheduler"
_WEBHOOK: dict[str, Any] = {
    "id": "5d3f0c1e-7a52-4c0a-9e0b-1b8a4f6f2c77",
    "tenantId": "acme",
    "url": _URL,
    "types": ["device.allocated", "device.released"],
    "description": "phone portal",
    "status": "enabled",
    "failuresInRow": 0,
    "lastDeliveredAt": "2026-11-23T17:42:26.290382Z",
    "createdAt": "2026-11-20T08:00:00.000000Z",
    "disabledAt": None,
    "disabledReason": None,
}


class WantedType(str):
    """A type of event, or `*`."""

    SCHEMA: ClassVar[Mapping[str, Any]] = {"type": "string", "enum": [ANY_TYPE, *EventType]}

    @classmethod
    def read(cls, value: object) -> Self:
        """Take what a request says.

        Raises:
            ValueError: There is no such type.
        """
        if value not in cls.SCHEMA["enum"]:
            raise ValueError("no type of event")
        return cls(value)


class WebhookBody(WireModel):
    """Where a tenant wants to be told of which events; `["*"]` means all, those to come too."""

    EXAMPLES = ({"url": _URL, "types": ["device.allocated", "device.released"]},)

    url: Annotated[str, Meta(min_length=1, max_length=LONGEST_URL, pattern=STORABLE)]
    types: Annotated[list[WantedType], Meta(min_length=1, max_length=100)]
    description: Reason | None = None
    tenantId: Id | None = None

    def __post_init__(self) -> None:
        """Refuse types that are named twice, or beside all."""
        if ANY_TYPE in self.types and len(self.types) > 1:
            raise wrong("types", "* stands alone")
        if len(set(self.types)) < len(self.types):
            raise wrong("types", "a type is named twice")

    def to_request(self, who: Caller, key: RequestKey | None) -> WebhookRequest:
        """Read it as the caller's wish.

        Raises:
            Forbidden: It names a tenant that the caller may not act for.
        """
        tenant_id = who.tenant(self.tenantId) or who.tenant_id
        return WebhookRequest(tenant_id, self.url, [str(kind) for kind in self.types], self.description, key)


class _WebhookFacts(View):
    """What is told of a webhook, with its secret or without."""

    id: str
    tenantId: str
    url: str
    types: Sequence[str]
    description: str | None
    status: WebhookStatus
    failuresInRow: Annotated[int, Meta(description="Attempts that failed since the last that did not")]
    lastDeliveredAt: Instant | None
    createdAt: Instant
    disabledAt: Instant | None
    disabledReason: Annotated[str | None, Meta(description="gone: it answered 410; failing: it failed for a day")]


class WebhookView(_WebhookFacts):
    """A webhook, and how it fares."""

    EXAMPLES = (_WEBHOOK,)

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """View a webhook."""
        return cls(**_members(webhook))


class NewWebhookView(_WebhookFacts):
    """A webhook with its secret, which is shown here and never again."""

    EXAMPLES = (_WEBHOOK | {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},)

    secret: str

    @classmethod
    def of_new(cls, webhook: Webhook, secret: str) -> Self:
        """View a webhook that was registered just now."""
        return cls(**_members(webhook), secret=secret)


class PingView(View):
    """The greeting that is on its way: its `webhook-id`."""

    EXAMPLES = ({"eventId": "93d86cfd-405f-4ddb-8558-cb79957ebf9f"},)

    eventId: str


def _members(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "tenantId": webhook.tenant_id,
        "url": webhook.url,
        "types": webhook.types,
        "description": webhook.description,
        "status": webhook.status,
        "failuresInRow": webhook.failures_in_row,
        "lastDeliveredAt": webhook.last_delivered_at,
        "createdAt": webhook.created_at,
        "disabledAt": webhook.disabled_at,
        "disabledReason": webhook.disabled_reason,
    }
