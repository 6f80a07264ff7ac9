"""Each fact is kept once, told until that is acknowledged, and not again."""

from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.domain.errors import Unavailable
from scheduler.domain.events import BrokenEvent
from scheduler.domain.model import Language
from scheduler.domain.notices import Notice, Notification
from scheduler.service.notifier import Notifier
from tests.support.fake_meter import FakeMeter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class OneNotice:
    """A store of one fact."""

    def __init__(self, *, is_told_otherwise: bool = False) -> None:
        self.is_told_otherwise = is_told_otherwise
        self.told_at: datetime | None = None
        self.loses_writes = False

    def write(self, notice: Notice, language: Language) -> Notification | None:
        if self.is_told_otherwise:
            return None
        return Notification(
            id="notice-1",
            type=notice.type,
            user=notice.user,
            language=language,
            text=notice.texts[language],
            data=notice.data,
            channels=notice.channels,
            priority=notice.priority,
            created_at=NOON,
            read_at=None,
            told_at=self.told_at,
        )

    def mark_told(self, notification_id: str) -> None:
        assert notification_id == "notice-1"
        if self.loses_writes:
            raise Unavailable
        self.told_at = NOON


class Sender:
    def __init__(self, *, fails: bool = False) -> None:
        self.sent: list[Notification] = []
        self.fails = fails

    def send(self, notification: Notification) -> None:
        if self.fails:
            raise Unavailable
        self.sent.append(notification)


def event(**changes: Any) -> dict[str, Any]:
    data = {"userId": "ana", "tenantId": "acme", "reason": "no_available_devices", "timestamp": "2026-03-02T12:00:00Z"}
    return {"id": "event-1", "type": "scheduler.allocation.failed", "data": data} | changes


def notifier(store: OneNotice, sender: Sender | None) -> Notifier:
    return Notifier(store, sender, FakeMeter(), Language.ZH)


def test_a_fact_is_told_in_the_language_of_the_parameter_and_remembered() -> None:
    store, sender = OneNotice(), Sender()

    notifier(store, sender).notify(event())

    assert [sent.text.title for sent in sender.sent] == ["暂无可用设备"]
    assert store.told_at == NOON


def test_what_was_told_is_not_told_again() -> None:
    store, sender = OneNotice(), Sender()

    for _ in range(2):
        notifier(store, sender).notify(event())

    assert len(sender.sent) == 1


def test_a_fact_that_another_notice_tells_is_not_told() -> None:
    sender = Sender()

    notifier(OneNotice(is_told_otherwise=True), sender).notify(event())

    assert sender.sent == []


def test_without_a_service_the_notice_is_only_kept() -> None:
    store = OneNotice()

    notifier(store, None).notify(event())

    assert store.told_at is None


def test_what_could_not_be_told_comes_again() -> None:
    store = OneNotice()
    with pytest.raises(Unavailable):
        notifier(store, Sender(fails=True)).notify(event())
    assert store.told_at is None

    sender = Sender()
    notifier(store, sender).notify(event())

    assert len(sender.sent) == 1


def test_what_was_told_but_not_remembered_is_told_again_under_the_same_id() -> None:
    store, sender = OneNotice(), Sender()
    store.loses_writes = True
    with pytest.raises(Unavailable):
        notifier(store, sender).notify(event())
    store.loses_writes = False

    notifier(store, sender).notify(event())

    assert [sent.id for sent in sender.sent] == ["notice-1", "notice-1"]


def test_a_broken_event_is_not_swallowed() -> None:
    with pytest.raises(BrokenEvent):
        notifier(OneNotice(), Sender()).notify(event(data={}))
