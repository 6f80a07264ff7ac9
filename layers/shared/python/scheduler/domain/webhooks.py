"""Webhooks: what is told to whom, how it is signed, how often it is tried."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from scheduler.domain.model import RequestKey

ANY_TYPE = "*"
"""Stands alone: every type, those to come too."""
MOST_WEBHOOKS = 20
"""How many a tenant may have."""
MOST_WAITING = 10_000
"""How many deliveries may wait for one webhook; it misses the events beyond."""
RETRY_SECONDS = (5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200)
"""The pause after each failed attempt; the ninth is the last, 22 hours after the first."""
JITTER = 0.2
"""Pauses are up to so much longer, lest deliveries that failed together come back together."""
DISABLE_AFTER_FAILURES = 20
DISABLE_AFTER_HOURS = 24
"""A webhook that only failed is disabled after so many attempts in a row, when the first lies so far back."""
GONE = 410
"""The status by which a target says that it wants no more."""
SECRET_PREFIX = "whsec_"  # noqa: S105  what Standard Webhooks begins secrets with
SECRET_BYTES = 32
NO_ANSWER = 0
"""Stands for the status where there is none."""


class WebhookStatus(StrEnum):
    """Whether events are kept for it."""

    ENABLED = "enabled"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A tenant's wish to be told of events, and how that goes. Its secret stays in the store."""

    id: str
    tenant_id: str
    url: str
    types: Sequence[str]
    description: str | None
    status: WebhookStatus
    failures_in_row: int
    last_delivered_at: datetime | None
    created_at: datetime
    disabled_at: datetime | None
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A wish for a webhook."""

    tenant_id: str
    url: str
    types: Sequence[str]
    description: str | None = None
    key: RequestKey | None = None


@dataclass(frozen=True, slots=True)
class WebhookFilter:
    """Which webhooks to list, newest first; `tenant_id` None: all. `after` is the last seen (created_at, id)."""

    tenant_id: str | None
    after: tuple[datetime, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to tell one webhook of one event. `attempt` counts from 1, `at` is when it was begun."""

    webhook_id: str
    event_id: str
    attempt: int
    at: datetime
    url: str = field(repr=False)
    secret: str = field(repr=False)
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of an attempt: the status, or NO_ANSWER and why there was none. Holds nothing of what was sent back."""

    status: int
    reason: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the event was delivered."""
        return self.status // 100 == 2


def write_secret(key: bytes) -> str:
    """Write a signing key as Standard Webhooks does."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """Sign a message after Standard Webhooks 1.0: HMAC-SHA256 of id, time (seconds since 1970) and body."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def retry_seconds(attempt: int, luck: float) -> float | None:
    """Give the pause after a failed attempt (from 1), None after the last; `luck` in [0, 1] makes it longer."""
    if attempt > len(RETRY_SECONDS):
        return None
    return RETRY_SECONDS[attempt - 1] * (1 + JITTER * luck)
