"""The notification service: is told each notice, and sends it on to its user."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from scheduler.adapters.http.circuit import OPEN_SECONDS, CircuitStore, guarded
from scheduler.adapters.http.neighbour import Call, Neighbour, acknowledged
from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.session import Answer, ServiceFailed
from scheduler.domain.errors import Unavailable
from scheduler.domain.notices import Notification
from scheduler.ports import Meter

SEND_PATIENCE = Patience(tries=3, seconds_a_try=3.0, seconds=8.0, first_pause_seconds=0.25)
"""Three that fail in a row open the circuit, all within one run of the function."""
LEAST_SECONDS = 1.0
"""With less, a failure would say more about us than about the service."""
_PATH = "/api/internal/notifications/send"

logger = logging.getLogger(__name__)


class NotificationService:
    """Tells notices; the port's `NotificationSender`."""

    def __init__(
        self,
        neighbour: Neighbour,
        breaker: CircuitStore,
        meter: Meter,
        *,
        seconds_left: Callable[[], float] = lambda: SEND_PATIENCE.seconds,
        circuit: str = "notification-service",
        patience: Patience = SEND_PATIENCE,
    ) -> None:
        """Take what tells how many seconds the running function may still spend."""
        self._neighbour = neighbour
        self._seconds_left = seconds_left
        self._patience = patience
        self._guarded_tell = guarded(self._tell, circuit, breaker, meter)

    def send(self, notification: Notification) -> None:
        """Tell one notice; the service sends a key once.

        Raises:
            Unavailable: The service was not reached, refused, or did not say in its own words that it has it.
        """
        reason = "no time left"
        if self._seconds_left() >= LEAST_SECONDS:
            try:
                answer = self._guarded_tell(notification)
                if acknowledged(answer):
                    return
                reason = f"status {answer.status}"
            except ServiceFailed as failure:
                reason = str(failure)
        names = {"tenantId": notification.user.tenant_id, "userId": notification.user.user_id}
        logger.warning("notice not told", extra={**names, "notificationId": notification.id, "reason": reason})
        raise Unavailable("The notice could not be told.", retry_after_seconds=OPEN_SECONDS)

    def _tell(self, notification: Notification) -> Answer:
        call = Call("POST", _PATH, {"Idempotency-Key": notification.id}, _document(notification))
        return self._neighbour.ask(notification.user.tenant_id, call, self._patience.within(self._seconds_left()))


def _document(notification: Notification) -> Mapping[str, Any]:
    return {
        "userId": notification.user.user_id,
        "type": notification.type,
        "title": notification.text.title,
        "message": notification.text.message,
        "data": dict(notification.data),
        "channels": list(notification.channels),
        "priority": notification.priority,
    }
