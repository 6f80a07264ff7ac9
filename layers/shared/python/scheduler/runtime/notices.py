"""Wires what users are told: the consumer of events, the list, the warnings. Only the consumer needs an HTTP client."""

from functools import lru_cache, partial

from scheduler.adapters.postgres.notifications import PostgresNotifications, PostgresWarnings
from scheduler.ports.notices import NotificationSender
from scheduler.runtime import _breaker_store, _service_token_secret, database, meter
from scheduler.runtime.connection import forget_secret
from scheduler.service.notifications import Notifications
from scheduler.service.notifier import Notifier
from scheduler.service.warner import Warner
from scheduler.settings import settings


@lru_cache(maxsize=1)
def get_notifier() -> Notifier:
    """Wire the queue of events that users are told of."""
    return Notifier(PostgresNotifications(database()), _sender(), meter(), settings().notifications.language)


@lru_cache(maxsize=1)
def get_notifications() -> Notifications:
    """Wire the routes of the list."""
    return Notifications(PostgresNotifications(database()), settings().notifications.language)


@lru_cache(maxsize=1)
def get_warner() -> Warner:
    """Wire the warnings before an end."""
    return Warner(PostgresWarnings(database()), meter())


def _sender() -> NotificationSender | None:
    known = settings()
    if not known.notifications.service_url:
        return None
    from scheduler.adapters.http.neighbour import Neighbour
    from scheduler.adapters.http.notification_service import NotificationService
    from scheduler.edge.queue import seconds_left

    forget = partial(forget_secret, known.service_token_secret_id)
    service = Neighbour(known.notifications.service_url, _service_token_secret, forget)
    return NotificationService(service, _breaker_store(), meter(), seconds_left=seconds_left)
