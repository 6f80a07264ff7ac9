"""Tell users what happened to them: kept first, then told to the notification service."""

import logging
from collections.abc import Mapping
from typing import Any

from scheduler.domain.model import Language
from scheduler.domain.notices import Notification, notice_of
from scheduler.ports import Meter
from scheduler.ports.notices import NoticeStore, NotificationSender

logger = logging.getLogger(__name__)


class Notifier:
    """Makes one notice of each fact, however often and wherever its event is delivered."""

    def __init__(self, store: NoticeStore, sender: NotificationSender | None, meter: Meter, language: Language) -> None:
        """Take the language of users who prefer none. Without a sender the list in the database is all there is."""
        self._store = store
        self._sender = sender
        self._meter = meter
        self._language = language

    def notify(self, event: Mapping[str, Any]) -> None:
        """Keep the notice of an event, tell it, then remember that it was told.

        Dying in between tells it twice, under the same id, which is its idempotency key.

        Raises:
            BrokenEvent: It lacks what has to be told, or nobody is told of such events.
            Unavailable: It could not be kept, told or remembered; deliver it again.
        """
        kept = self._store.write(notice_of(event), self._language)
        if kept is None or kept.told_at is not None or self._sender is None:
            return
        self._sender.send(kept)
        self._store.mark_told(kept.id)
        self._meter.count("NotificationsTold")
        logger.info("notified", extra=_names(kept))


def _names(told: Notification) -> Mapping[str, str]:
    return {
        "notificationId": told.id,
        "kind": told.type,
        "userId": told.user.user_id,
        "tenantId": told.user.tenant_id,
    }
