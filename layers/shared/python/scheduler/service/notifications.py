"""What a user was told: look at it, mark it as read, choose how to be told."""

from collections.abc import Sequence
from dataclasses import dataclass

from scheduler.domain.errors import NotificationNotFound
from scheduler.domain.model import Language, RequestKey, User
from scheduler.domain.notices import Notification, NotificationFilter, Preferences
from scheduler.domain.outcome import accepted
from scheduler.ports.notices import NotificationList

MOST_UNREAD = 100
"""Counting stops here: a badge says no more than that there are many."""


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """One page, whether more follow, and how many of all are unread, up to `MOST_UNREAD`."""

    shown: Sequence[Notification]
    more: bool
    unread: int


class Notifications:
    """The list within the app, and its settings."""

    def __init__(self, store: NotificationList, language: Language) -> None:
        """Take the language of users who prefer none."""
        self._store = store
        self._language = language

    def page(self, wanted: NotificationFilter) -> NotificationPage:
        """List newest first."""
        found = self._store.page(wanted)
        unread = self._store.count_unread(wanted.user, MOST_UNREAD)
        return NotificationPage(found[: wanted.limit], len(found) > wanted.limit, unread)

    def read(
        self, notification_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None
    ) -> Notification:
        """Mark one of the tenant and user (None: any) as read; once read it stays so.

        Raises:
            NotificationNotFound: There is none, or it is another's.
            IdempotencyKeyReused, RequestInProgress: The key belongs to another request, or to one still running.
        """
        accepted(self._store.read(notification_id, tenant_id, user_id, key))
        found = self._store.find(notification_id, tenant_id, user_id)
        if found is None:  # read before, under the same key, and past its retention since
            raise NotificationNotFound
        return found

    def preferences(self, user: User) -> Preferences:
        """Give how a user is told."""
        return self._store.preferences(user) or Preferences(user, self._language)

    def prefer(self, preferences: Preferences) -> Preferences:
        """Keep how a user wishes to be told from now on."""
        self._store.prefer(preferences)
        return preferences
