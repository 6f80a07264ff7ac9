"""The notification service: is told each notice, and sends it on to its user."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from scheduler.adapters.http.circuit import OPEN_SECONDS, CircuitStore
from scheduler.adapters.http.circuit_names import NOTIFICATION_SERVICE
from scheduler.adapters.http.neighbour import Call, Neighbour
from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.telling import Telling
from scheduler.domain.errors import Unavailable
from scheduler.domain.notices import Notification
from scheduler.ports import Meter

SEND_PATIENCE = Patience(tries=3, seconds_a_try=3.0, seconds=8.0, first_pause_seconds=0.25)
"""Three that fail in a row open the circuit, all within one run of the function."""
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
        circuit: str = NOTIFICATION_SERVICE,
        patience: Patience = SEND_PATIENCE,
    ) -> None:
        """Take what tells how many seconds the running function may still spend."""
        self._telling = Telling(neighbour.ask, circuit, breaker, meter, patience, seconds_left)

    def send(self, notification: Notification) -> None:
        """Tell one notice; the service sends a key once.

        Raises:
            Unavailable: The service was not reached, refused, or did not say in its own words that it has it.
        """
        call = Call("POST", _PATH, {"Idempotency-Key": notification.id}, _document(notification))
        trouble = self._telling.trouble(notification.user.tenant_id, call)
        if trouble is not None:
            names = {"tenantId": notification.user.tenant_id, "userId": notification.user.user_id}
            logger.warning("notice not told", extra={**names, "notificationId": notification.id, "reason": trouble})
            raise Unavailable("The notice could not be told.", retry_after_seconds=OPEN_SECONDS)


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
