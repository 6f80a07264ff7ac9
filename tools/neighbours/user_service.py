"""A user service: quotas to read, usage to tell, tokens to verify. `python -m tools.neighbours.user_service --port N`.

GET  /api/internal/quotas/user/{userId}         the quota document; unknown users have plan pro
POST /api/internal/quotas/user/{userId}/usage   applied once for each Idempotency-Key
PUT  /control/quotas/{userId}                   set members of a document
GET  /control/usage                             what was applied, and what each user uses

and what every service has (service.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tools.neighbours.books import Books
from tools.neighbours.service import Asked, Service, run, served


class UserService(Service):
    """The server and its books."""

    def __init__(self, port: int, secret: str) -> None:
        """Begin with empty books."""
        super().__init__(port, secret)
        self.books = Books()

    def answer(self, asked: Asked) -> Any:
        """Read a quota or take usage."""
        match asked.route:
            case "GET", ["quotas", "user", user_id]:
                return self.books.quota(user_id)
            case "POST", ["quotas", "user", user_id, "usage"]:
                return {"applied": self.books.tell_usage(asked.key, asked.tenant_id, user_id, asked.document)}
        return None

    def control(self, asked: Asked) -> Any:
        """Set a quota or show usage."""
        match asked.route:
            case "PUT", ["quotas", user_id]:
                self.books.set_quota(user_id, asked.document)
                return self.books.quota(user_id)
            case "GET", ["usage"]:
                return self.books.usage()
        return None


@contextmanager
def user_service(port: int = 0, secret: str | None = None) -> Iterator[UserService]:
    """Run a user service in this process for the time of the `with` block."""
    with served(UserService, port, secret) as server:
        yield server


if __name__ == "__main__":
    run("user service", UserService)
