"""Health and problems."""

# ruff: noqa: N815  wire names
from typing import Any

from pydantic import BaseModel


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
