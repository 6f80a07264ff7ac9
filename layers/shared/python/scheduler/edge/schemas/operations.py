"""Health."""

from scheduler.edge.fields import View


class HealthView(View):
    """How the scheduler is: ok, degraded or down; and each part: up or down."""

    status: str
    parts: dict[str, str]
