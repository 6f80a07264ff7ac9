"""A process that consumes one event and is killed at a named step: `python -m tests.support.dying_notify`."""

import os
import signal
import sys

from scheduler.adapters.http.neighbour import Neighbour
from scheduler.adapters.http.notification_service import NotificationService
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.notifications import PostgresNotifications
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.domain.model import Language
from scheduler.domain.notices import Notice, Notification
from scheduler.service.notifier import Notifier
from tests.support.fake_meter import FakeMeter
from tests.support.notices import QUARTER_PAST, refused

STEPS = ("before keeping", "after keeping", "after telling", "after remembering")
EVENT = refused(at=QUARTER_PAST)


class Dying:
    """The store and the sender of one consumer that does not live long."""

    def __init__(self, step: str, store: PostgresNotifications, service: NotificationService) -> None:
        """Die at this step; at none: live on."""
        self._step = step
        self._store = store
        self._service = service

    def write(self, notice: Notice, language: Language) -> Notification | None:
        """Keep it."""
        self._reach("before keeping")
        kept = self._store.write(notice, language)
        self._reach("after keeping")
        return kept

    def send(self, notification: Notification) -> None:
        """Tell it."""
        self._service.send(notification)
        self._reach("after telling")

    def mark_told(self, notification_id: str) -> None:
        """Remember it."""
        self._store.mark_told(notification_id)
        self._reach("after remembering")

    def _reach(self, step: str) -> None:
        if step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)


def consume(step: str, database_url: str, service_url: str, secret: str) -> None:
    """Consume the event, as far as the step."""
    neighbour = Neighbour(service_url, lambda: secret)
    service = NotificationService(neighbour, RedisBreakerStore(None), FakeMeter())
    dying = Dying(step, PostgresNotifications(Database(lambda: database_url)), service)
    Notifier(dying, dying, FakeMeter(), Language.EN).notify(EVENT)


if __name__ == "__main__":
    consume(*sys.argv[1:])
