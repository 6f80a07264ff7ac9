"""Health and problems."""

# ruff: noqa: N815  wire names
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from scheduler.edge.fields import View


class HealthView(View):
    """How the scheduler is: ok, degraded or down; and each part: up or down."""

    status: str
    parts: dict[str, str]


class Link(View):
    """A call that takes an offer; metadata and an Idempotency-Key are the caller's to add."""

    method: Literal["POST"]
    href: str
    body: dict[str, Any]


class Alternative(View):
    """What can be had although no device that fits is free: less time, a smaller one, a later time, a place in line."""

    kind: Literal["shorter", "smaller", "later", "wait"]
    durationMinutes: int | None = Field(default=None, description="shorter, later: for how long")
    specs: dict[str, int] | None = Field(default=None, description="smaller: the minima to ask for")
    startTime: datetime | None = Field(default=None, description="later: from when on")
    link: Link


class Problem(View):
    """A refusal or failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    success: bool
    code: str
    retryable: bool
    errors: list[dict[str, str]] | None = None
    alternatives: list[Alternative] | None = None
    remainingDevices: int | None = None
    rule: str | None = Field(default=None, description="Of `renewal_refused`: which rule refuses")
    maxAdditionalMinutes: int | None = Field(default=None, description="Of `renewal_refused`: what is possible")
    nextRenewalAt: datetime | None = Field(default=None, description="Of `renewal_refused`: from when on")
    remainingRenewals: int | None = Field(default=None, description="Of `renewal_refused`; -1: no limit")
    conflicts: list[dict[str, datetime]] | None = Field(
        default=None, description="Of `reservation_conflict`: the windows (startTime, endTime) that cannot be had"
    )
    nextWindows: list[dict[str, datetime]] | None = Field(
        default=None, description="Of `reservation_conflict`: the next windows that can be had"
    )
    entryId: str | None = Field(default=None, description="Of `already_queued`: the wait that goes on")
    index: int | None = Field(default=None, description="Of an atomic batch: the item that failed, from 0")
    earliestForAll: datetime | None = Field(
        default=None,
        description="Of an atomic batch: when devices for all of it can be had at once; null: not in sight",
    )
