"""A notification service: notices to send. `python -m tools.neighbours.notification_service --port N`.

POST /api/internal/notifications/send   sent once for each Idempotency-Key
GET  /control/sent                      what was sent

and what every service has (service.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools.neighbours.applied import Applied
from tools.neighbours.service import Asked, Service, run, served

_MEMBERS = ("userId", "type", "title", "message", "data", "channels", "priority")


class NotificationService(Service):
    """The server and what it sent."""

    def __init__(self, port: int, secret: str) -> None:
        """Begin with nothing sent."""
        super().__init__(port, secret)
        self.sent = Applied()

    def answer(self, asked: Asked) -> Any:
        """Send a notice: here that is to keep it."""
        match asked.route:
            case "POST", ["notifications", "send"]:
                notice = asked.document
                missing = [name for name in _MEMBERS if name not in notice]
                if missing:
                    raise ValueError(f"missing: {', '.join(missing)}")
                return {"applied": self.sent.add(asked.key, {"tenantId": asked.tenant_id, **notice})}
        return None

    def control(self, asked: Asked) -> Any:
        """Show what was sent."""
        match asked.route:
            case "GET", ["sent"]:
                return self.sent.all()
        return None


@contextmanager
def notification_service(port: int = 0, secret: str | None = None) -> Iterator[NotificationService]:
    """Run a notification service in this process for the time of the `with` block."""
    with served(NotificationService, port, secret) as server:
        yield server


if __name__ == "__main__":
    run("notification service", NotificationService)
