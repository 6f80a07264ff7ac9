"""What users were told, and how they wish to be told."""

# ruff: noqa: N815  wire names
from collections.abc import Sequence
from typing import Annotated, Any, Self

from msgspec import Meta

from scheduler.domain.model import Language
from scheduler.domain.notices import Channel, Notification, Preferences
from scheduler.edge.answers import Page, PageMeta
from scheduler.edge.fields import Id, Instant, View, WireModel
from scheduler.edge.identity import Caller
from scheduler.service.notifications import NotificationPage


class NotificationView(View):
    """One notice, in the language that its user preferred when it was made."""

    EXAMPLES = (
        {
            "id": "0a2c1f5e-6a1d-4f0e-9a53-2b1f7c9d8e10",
            "type": "allocation_expiring_soon",
            "userId": "alice",
            "tenantId": "acme",
            "language": "en",
            "title": "Your device expires soon",
            "message": "Your time on device phone-small-03 ends at 2026-11-23 18:12 UTC. Renew it to keep the device.",
            "data": {"deviceId": "phone-small-03", "expiresAt": "2026-11-23T18:12:26.290382Z"},
            "channels": ["in_app", "push"],
            "priority": "high",
            "createdAt": "2026-11-23T18:02:31.004218Z",
            "readAt": None,
        },
    )

    id: str
    type: Annotated[str, Meta(description="Entry of the catalogue: docs/notifications.md")]
    userId: str
    tenantId: str
    language: str
    title: str
    message: str
    data: Annotated[dict[str, Any], Meta(description="What it tells of, by the names and in the form that events have")]
    channels: list[str]
    priority: str
    createdAt: Instant
    readAt: Annotated[Instant | None, Meta(description="When it was marked as read first; null: not yet")]

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """View a notice."""
        return cls(
            id=notification.id,
            type=notification.type,
            userId=notification.user.user_id,
            tenantId=notification.user.tenant_id,
            language=notification.language,
            title=notification.text.title,
            message=notification.text.message,
            data=dict(notification.data),
            channels=list(notification.channels),
            priority=notification.priority,
            createdAt=notification.created_at,
            readAt=notification.read_at,
        )


class NotificationsPage(Page[NotificationView], kw_only=True):
    """One page of a user's notices."""

    unread: Annotated[int, Meta(description="How many of all are unread; 100 stands for 100 or more")]

    @classmethod
    def of(cls, page: NotificationPage, meta: PageMeta) -> Self:
        """View a page."""
        return cls(data=[NotificationView.of(shown) for shown in page.shown], meta=meta, unread=page.unread)


Channels = Annotated[list[Channel], Meta(max_length=len(Channel))]


class PreferencesBody(WireModel, kw_only=True):
    """How a user wishes to be told; takes the place of what was wished before."""

    EXAMPLES = ({"language": "zh", "channels": ["push"]},)

    userId: Annotated[Id | None, Meta(description="A service says whose; a user may leave it out")] = None
    tenantId: Id | None = None
    language: Language
    channels: Annotated[
        Channels | None,
        Meta(
            description="On which of its channels a notice is sent; the list within the app has every one."
            " Absent: on all"
        ),
    ] = None

    def to_preferences(self, who: Caller) -> Preferences:
        """Read it as the caller's wish, or that of a user of its tenant."""
        return Preferences(who.acting_for_own(self.userId, self.tenantId), self.language, _each_once(self.channels))


class PreferencesView(View):
    """How a user is told."""

    userId: str
    tenantId: str
    language: str
    channels: Annotated[list[str] | None, Meta(description="null: on all that a notice has")]

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """View preferences."""
        return cls(
            userId=preferences.user.user_id,
            tenantId=preferences.user.tenant_id,
            language=preferences.language,
            channels=None if preferences.channels is None else list(preferences.channels),
        )


def _each_once(channels: Sequence[Channel] | None) -> Sequence[Channel] | None:
    return None if channels is None else list(dict.fromkeys(channels))
