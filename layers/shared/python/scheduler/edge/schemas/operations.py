"""Health."""

# ruff: noqa: N815  wire names
from typing import Annotated, Self

from msgspec import Meta

from scheduler.domain.events import Backlog
from scheduler.edge.fields import View
from scheduler.service.health import Health


class BacklogView(View):
    """Events that wait to be published."""

    unpublished: Annotated[int, Meta(description="How many; counted up to 1,000")]
    oldestSeconds: Annotated[float | None, Meta(description="How long the oldest waits; null: none does")]

    @classmethod
    def of(cls, backlog: Backlog) -> Self:
        """View a backlog."""
        seconds = backlog.oldest_seconds
        return cls(unpublished=backlog.events, oldestSeconds=None if seconds is None else round(max(seconds, 0.0), 1))


class HealthView(View):
    """How the scheduler is: ok, degraded or down; and each part: up or down."""

    EXAMPLES = (
        {
            "status": "ok",
            "parts": {"postgres": "up", "redis": "up", "userService": "up"},
            "outbox": {"unpublished": 2, "oldestSeconds": 0.4},
            "circuits": {"user-service": "closed", "user-service-usage": "open"},
        },
    )

    status: str
    parts: dict[str, str]
    outbox: Annotated[BacklogView | None, Meta(description="null: Postgres does not answer")]
    circuits: Annotated[
        dict[str, str],
        Meta(description="Circuit breakers around neighbours: closed, open, half_open; none without Redis"),
    ]

    @classmethod
    def of(cls, health: Health) -> Self:
        """View what was found."""
        return cls(
            status=health.status,
            parts=dict(health.parts),
            outbox=BacklogView.of(health.outbox) if health.outbox else None,
            circuits=dict(health.circuits),
        )
