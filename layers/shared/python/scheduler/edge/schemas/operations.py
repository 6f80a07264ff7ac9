"""Health and problems."""

# ruff: noqa: N815  wire names
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class HealthView(BaseModel):
    """How the scheduler is: ok, degraded or down; and each part: up or down."""

    status: str
    parts: dict[str, str]


class Problem(BaseModel):
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
    alternatives: list[dict[str, Any]] | None = None
    remainingDevices: int | None = None
    entryId: str | None = Field(default=None, description="Of `already_queued`: the wait that goes on")
    index: int | None = Field(default=None, description="Of an atomic batch: the item that failed, from 0")
    earliestForAll: datetime | None = Field(
        default=None,
        description="Of an atomic batch: when devices for all of it can be had at once; null: not in sight",
    )
