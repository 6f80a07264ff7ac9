"""Brings signed events to webhooks, whose owners may be careless or hostile."""

import logging
from collections.abc import Sequence

from scheduler.adapters.http.checked import CheckedAdapter
from scheduler.adapters.http.session import AnswerTooLong, BoundedSession, Request, ServiceFailed
from scheduler.adapters.http.target_guard import TargetGuard
from scheduler.domain.targets import Target, TargetRefused
from scheduler.domain.webhooks import NO_ANSWER, Delivery, Reply, signature

SECONDS = 5.0
"""For all of one attempt."""
USER_AGENT = "cloud-phone-scheduler-webhooks/1"

# It warns of headers that it cannot read, and tells the URL.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class WebhookCourier:
    """Makes one attempt at a time; many threads may use it at once, since each attempt has its own connection."""

    def __init__(self, guard: TargetGuard, *, authorities: str | None = None, seconds: float = SECONDS) -> None:
        """Take what says where webhooks may lead, and the file of certificates that targets are verified by."""
        self._guard = guard
        self._authorities = authorities
        self._seconds = seconds

    def send(self, delivery: Delivery) -> Reply:
        """Deliver, or tell why not. Redirects are not followed, and nothing that came back is kept."""
        try:
            return _reply(self._post(delivery, self._guard.target(delivery.url)))
        except TargetRefused:
            return Reply(NO_ANSWER, "target refused")
        except AnswerTooLong as long:
            return _reply(long.status)
        except ServiceFailed as failure:
            return Reply(NO_ANSWER, str(failure))

    def _post(self, delivery: Delivery, target: Target) -> int:
        def find(host: str, port: int) -> Sequence[str]:
            if (host.strip("[]"), port) != (target.host, target.port):
                raise TargetRefused("read in two ways")
            return self._guard.addresses(target)

        session = BoundedSession(lambda: CheckedAdapter(find, self._seconds), self._authorities)
        try:
            return session.send(_request(delivery), self._seconds).status
        finally:
            session.close()


def _request(delivery: Delivery) -> Request:
    timestamp = int(delivery.at.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": delivery.event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(delivery.secret, delivery.event_id, timestamp, delivery.body),
    }
    return Request("POST", delivery.url, headers, content=delivery.body.encode())


def _reply(status: int) -> Reply:
    reply = Reply(status)
    return reply if reply.is_success else Reply(status, f"status {status}")
