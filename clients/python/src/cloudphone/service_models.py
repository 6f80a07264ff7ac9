"""What the scheduler answers to services: batches and webhooks; form and promises as in `models`."""

from __future__ import annotations

from cloudphone.errors import Alternative, Time
from cloudphone.models import Allocation, Model, Released, Renewal, Word


class Failure(Model, frozen=True):
    """An item of a batch that failed, as its problem document would say it alone; `index` is its place, from 0."""

    index: int
    code: str
    detail: str
    retryable: bool
    errors: list[dict[str, str]] | None = None
    alternatives: list[Alternative] | None = None
    remaining_devices: int | None = None
    rule: str | None = None
    max_additional_minutes: int | None = None
    next_renewal_at: Time | None = None
    remaining_renewals: int | None = None


class _Batch(Model, frozen=True):
    success_count: int
    failed_count: int
    not_tried: int
    failures: list[Failure]


class Granted(Allocation, frozen=True):
    """An item of a batch that got a device."""

    index: int


class GrantBatch(_Batch, frozen=True):
    """What became of a batch of allocations; `not_tried`: items after the first failure, where it was to stop there."""

    successes: list[Granted]


class GivenBack(Released, frozen=True):
    """An item of a batch that was given back."""

    index: int
    allocation_id: str


class ReleaseBatch(_Batch, frozen=True):
    """What became of a batch of releases."""

    successes: list[GivenBack]


class Renewed(Renewal, frozen=True):
    """An item of a batch that was renewed."""

    index: int
    allocation_id: str


class RenewalBatch(_Batch, frozen=True):
    """What became of a batch of renewals."""

    successes: list[Renewed]


class ActiveAllocation(Model, frozen=True):
    """What a user holds."""

    allocation_id: str
    device_id: str
    allocated_at: Time
    expires_at: Time | None
    duration_minutes: int
    fencing_token: int


class Held(Model, frozen=True):
    """What one user of a batch holds, the newest 50; `more`: that is not all."""

    index: int
    user_id: str
    allocations: list[ActiveAllocation]
    more: bool


class QueryBatch(_Batch, frozen=True):
    """What the users of a batch hold."""

    successes: list[Held]


class WebhookStatus(Word):
    """Whether events are sent to it."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    UNKNOWN = "unknown"


class Webhook(Model, frozen=True):
    """A URL of a tenant that events are sent to, and how it fares."""

    id: str
    tenant_id: str
    url: str
    types: list[str]
    description: str | None
    status: WebhookStatus
    failures_in_row: int
    last_delivered_at: Time | None
    created_at: Time
    disabled_at: Time | None
    disabled_reason: str | None


class NewWebhook(Webhook, frozen=True):
    """A webhook as it was registered, with the secret that its events are signed with: it is not shown again."""

    secret: str

    def __repr__(self) -> str:
        """Leave the secret out, for logs."""
        return f"NewWebhook(id={self.id!r}, url={self.url!r})"


class Ping(Model, frozen=True):
    """The greeting that is on its way."""

    event_id: str
