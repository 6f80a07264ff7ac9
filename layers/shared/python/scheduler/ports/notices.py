"""Where notices are kept, and told."""

from collections.abc import Sequence
from typing import Protocol

from scheduler.domain.model import Language, RequestKey, User
from scheduler.domain.notices import Notice, Notification, NotificationFilter, Preferences
from scheduler.domain.outcome import Facts


class NoticeStore(Protocol):
    """Keeps each fact once."""

    def write(self, notice: Notice, language: Language) -> Notification | None:
        """Keep a notice in its user's language, or else in the given one; give the one that is kept of this fact.

        None: the fact is told by another notice.
        """

    def mark_told(self, notification_id: str) -> None:
        """Remember that the notification service has it."""


class NotificationList(Protocol):
    """What users look at and change."""

    def page(self, wanted: NotificationFilter) -> Sequence[Notification]:
        """List one more than `wanted.limit`, newest first, so that the caller knows whether more follow."""

    def count_unread(self, user: User, most: int) -> int:
        """Count what a user has not read, up to `most`."""

    def find(self, notification_id: str, tenant_id: str | None, user_id: str | None) -> Notification | None:
        """Find one of the tenant and user (None: any)."""

    def read(self, notification_id: str, tenant_id: str | None, user_id: str | None, key: RequestKey | None) -> Facts:
        """Mark one as read."""

    def preferences(self, user: User) -> Preferences | None:
        """Give what a user prefers; None: she has said nothing."""

    def prefer(self, preferences: Preferences) -> None:
        """Keep what a user prefers, in place of what she preferred before."""


class NotificationSender(Protocol):
    """Where notices are told to the notification service."""

    def send(self, notification: Notification) -> None:
        """Tell one; the service tells its user once for each id.

        Raises:
            Unavailable: It could not be told; tell it again.
        """


class Warnings(Protocol):
    """Where ends that are near are found."""

    def warn_expiring(self, limit: int) -> int:
        """Send the event of up to `limit` ends that are near, once each; tell how many."""
