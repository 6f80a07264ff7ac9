"""Sends what is due to webhooks: many at once, so that a slow one delays no other, and one at a time to each."""

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress

from scheduler.domain.errors import Unavailable
from scheduler.domain.webhooks import NO_ANSWER, Delivery, Reply, retry_seconds
from scheduler.ports import Meter
from scheduler.ports.webhooks import Courier, DeliveryStore

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 32
"""More than the webhooks of one tenant: no tenant's slow targets can keep all threads busy."""
LEASE_SECONDS = 30.0
"""Much longer than an attempt takes. What a killed sender had begun is begun again after it."""
IDLE_SECONDS = 0.5
_COUNTERS = {"delivered": "WebhooksDelivered", "retried": "WebhooksRetried", "failed": "WebhooksFailed"}


class WebhookSender:
    """Threads do nothing but attempts; all work on the database is done by the one that runs."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        courier: Courier,
        meter: Meter,
        *,
        at_once: int = MOST_AT_ONCE,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take where deliveries wait, and who brings them, `at_once` at a time."""
        self._deliveries = deliveries
        self._courier = courier
        self._meter = meter
        self._at_once = at_once
        self._now = now
        self._pause = pause

    def run(self, seconds: float) -> Mapping[str, int]:
        """Send what is due and what falls due within `seconds`; what was begun by then is brought to its end."""
        done = Counter[str]()
        flying: dict[Future[Reply], Delivery] = {}
        stop_at = self._now() + seconds
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="webhook") as pool:
            self._begin(pool, flying)
            while flying or self._now() < stop_at:  # ends: each attempt does by itself
                if flying:
                    landed, _ = wait(flying, timeout=IDLE_SECONDS, return_when=FIRST_COMPLETED)
                    done.update(self._settle(flying.pop(future), future.result()) for future in landed)
                else:
                    self._pause(IDLE_SECONDS)
                if self._now() < stop_at:
                    self._begin(pool, flying)
        return dict(done)

    def _begin(self, pool: ThreadPoolExecutor, flying: dict[Future[Reply], Delivery]) -> None:
        room = self._at_once - len(flying)
        if room:
            with suppress(Unavailable):  # told where it was noticed; the next round asks again
                begun = self._deliveries.claim(room, LEASE_SECONDS)
                flying |= {pool.submit(self._attempt, delivery): delivery for delivery in begun}

    def _attempt(self, delivery: Delivery) -> Reply:
        try:
            return self._courier.send(delivery)
        except Exception as error:  # whatever it is, it is this webhook's alone
            return Reply(NO_ANSWER, type(error).__name__)

    def _settle(self, delivery: Delivery, reply: Reply) -> str:
        again = None if reply.is_success else retry_seconds(delivery.attempt, random.random())
        try:
            facts = self._deliveries.settle(delivery, reply, again)
        except Unavailable:
            return "unsettled"  # begun again when the lease is over: a webhook may be told of an event twice
        outcome: str = facts["outcome"]
        names = {"webhookId": delivery.webhook_id, "eventId": delivery.event_id, "attempt": delivery.attempt}
        if outcome == "delivered":
            logger.info("webhook delivered", extra={**names, "status": reply.status})
        elif outcome != "late":
            logger.info("webhook not delivered", extra={**names, "reason": reply.reason, "outcome": outcome})
        if outcome in _COUNTERS:
            self._meter.count(_COUNTERS[outcome])
        if facts.get("disabled"):
            self._meter.count("WebhooksDisabled")
            logger.warning("webhook disabled", extra={"webhookId": delivery.webhook_id, "reason": facts["disabled"]})
        return outcome
