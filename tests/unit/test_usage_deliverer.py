"""Each event changes the user's usage once, in the direction that its type says."""

from collections.abc import Mapping
from typing import Any

import pytest

from scheduler.domain.errors import Unavailable
from scheduler.domain.events import BrokenEvent
from scheduler.domain.model import User
from scheduler.service.usage_deliverer import CONSUMER, UsageDeliverer

SHARE = {"devices": 1, "cpuCores": 4, "memoryMB": 6144, "storageMB": 65536}
ANA = User("acme", "ana")


class RecordingReporter:
    def __init__(self, *, fails: bool = False) -> None:
        self.told: list[tuple[User, Mapping[str, Any], str]] = []
        self.fails = fails

    def report(self, user: User, usage: Mapping[str, Any], idempotency_key: str) -> None:
        if self.fails:
            raise Unavailable
        self.told.append((user, usage, idempotency_key))


class SetInbox:
    def __init__(self) -> None:
        self.applied: set[tuple[str, str]] = set()
        self.loses_writes = False

    def has(self, consumer: str, event_id: str) -> bool:
        return (consumer, event_id) in self.applied

    def add(self, consumer: str, event_id: str) -> None:
        if self.loses_writes:
            raise Unavailable
        self.applied.add((consumer, event_id))


def event(type_: str = "device.allocated", share: str = "quotaUsed", **changes: Any) -> dict[str, Any]:
    data = {"deviceId": "phone-1", "userId": "ana", "tenantId": "acme", share: SHARE}
    return {"specversion": "1.0", "id": "event-1", "type": type_, "source": "/scheduler", "data": data | changes}


@pytest.fixture
def reporter() -> RecordingReporter:
    return RecordingReporter()


@pytest.fixture
def inbox() -> SetInbox:
    return SetInbox()


@pytest.mark.parametrize(
    ("type_", "share", "operation"),
    [
        ("device.allocated", "quotaUsed", "increment"),
        ("device.released", "quotaRestored", "decrement"),
        ("scheduler.allocation.expired", "quotaRestored", "decrement"),
        ("scheduler.allocation.revoked", "quotaRestored", "decrement"),
    ],
)
def test_an_allocation_adds_and_every_kind_of_end_takes_away(reporter, inbox, type_, share, operation):
    UsageDeliverer(reporter, inbox).deliver(event(type_, share))

    usage = {"deviceId": "phone-1", "cpuCores": 4, "memoryGB": 6, "storageGB": 64, "operation": operation}
    assert reporter.told == [(ANA, usage, "event-1")]


def test_sizes_that_are_no_whole_gigabytes_are_told_exactly(reporter, inbox):
    UsageDeliverer(reporter, inbox).deliver(event(quotaUsed={**SHARE, "memoryMB": 1536, "storageMB": 1}))

    ((_, usage, _),) = reporter.told
    assert (usage["memoryGB"], usage["storageGB"]) == (1.5, 1 / 1024)


def test_an_event_that_comes_twice_is_told_once(reporter, inbox):
    deliverer = UsageDeliverer(reporter, inbox)

    deliverer.deliver(event())
    deliverer.deliver(event())

    assert len(reporter.told) == 1


def test_an_event_that_was_not_told_is_not_remembered(inbox):
    with pytest.raises(Unavailable):
        UsageDeliverer(RecordingReporter(fails=True), inbox).deliver(event())

    assert not inbox.has(CONSUMER, "event-1")


def test_an_event_told_but_not_remembered_is_told_again_under_the_same_key(reporter, inbox):
    deliverer = UsageDeliverer(reporter, inbox)
    inbox.loses_writes = True
    with pytest.raises(Unavailable):
        deliverer.deliver(event())
    inbox.loses_writes = False

    deliverer.deliver(event())

    assert [key for _, _, key in reporter.told] == ["event-1", "event-1"]


def test_an_event_without_a_tenant_belongs_to_the_default_tenant(reporter, inbox):
    UsageDeliverer(reporter, inbox).deliver(event(tenantId=None))

    assert reporter.told[0][0] == User("default", "ana")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(event("device.melted"), id="an unknown type"),
        pytest.param(event("device.released", "quotaUsed"), id="an end without what it gave back"),
        pytest.param(event(quotaUsed={**SHARE, "memoryMB": "6144"}), id="a size that is a text"),
        pytest.param(event(quotaUsed={**SHARE, "cpuCores": True}), id="a count that is a truth"),
        pytest.param(event(quotaUsed=None), id="no quota"),
        pytest.param(event(userId=""), id="no user"),
        pytest.param(event(deviceId=None), id="no device"),
        pytest.param(event() | {"id": None}, id="no id"),
        pytest.param(event() | {"data": []}, id="data that is a list"),
        pytest.param({}, id="nothing"),
    ],
)
def test_a_broken_event_is_refused_with_its_id_and_nothing_is_told(reporter, inbox, broken):
    with pytest.raises(BrokenEvent, match=repr(broken.get("id"))):
        UsageDeliverer(reporter, inbox).deliver(broken)

    assert reporter.told == []
    assert inbox.applied == set()


def test_without_a_user_service_there_is_nothing_to_do(inbox):
    UsageDeliverer(None, inbox).deliver(event())

    assert inbox.applied == set()
