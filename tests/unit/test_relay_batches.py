"""The relay never lets a later event of a group overtake an earlier one, whatever fails."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.events import OutboxEvent
from scheduler.service.relay import BATCH, PUBLISH_BATCH, Relay, _batches
from tests.support.fake_meter import FakeMeter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GROUPS = st.lists(st.sampled_from("abcdefghijklmno"), max_size=60)


def outbox_of(groups: Sequence[str]) -> list[OutboxEvent]:
    """One event a letter, in order; the letter is its group."""
    return [
        OutboxEvent(position, f"event-{position}", "device.allocated", group, group, NOON, {})
        for position, group in enumerate(groups, 1)
    ]


class MemoryOutbox:
    def __init__(self, events: Sequence[OutboxEvent]) -> None:
        self.waiting = list(events)
        self.asked_for: list[int] = []

    def acquire_lease(self, holder: str, seconds: float) -> bool:
        return True

    def oldest(self, limit: int, without: Collection[str] = ()) -> Sequence[OutboxEvent]:
        self.asked_for.append(limit)
        return [event for event in self.waiting if event.group_id not in without][:limit]

    def mark_published(self, positions: Sequence[int]) -> None:
        self.waiting = [event for event in self.waiting if event.position not in positions]


class PickyPublisher:
    """Refuses events by id, each a number of times."""

    def __init__(self, refusals: dict[str, int] | None = None) -> None:
        self.refusals = dict(refusals or {})
        self.published: list[OutboxEvent] = []
        self.batches: list[int] = []

    def publish(self, events: Sequence[OutboxEvent]) -> Collection[int]:
        self.batches.append(len(events))
        taken = [event for event in events if not self._refuses(event)]
        self.published += taken
        return {event.position for event in taken}

    def _refuses(self, event: OutboxEvent) -> bool:
        left = self.refusals.get(event.id, 0)
        self.refusals[event.id] = left - 1
        return left > 0


def relay_of(outbox: MemoryOutbox, publisher: PickyPublisher) -> Relay:
    return Relay(outbox, publisher, FakeMeter())


@pytest.mark.parametrize(
    ("groups", "batches"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("abc", ["abc"], id="different groups go together"),
        pytest.param("aaa", ["a", "a", "a"], id="one group goes one by one"),
        pytest.param("abab", ["ab", "ab"], id="each group once a batch"),
        pytest.param("aab", ["ab", "a"], id="a later group does not wait for a busy one"),
        pytest.param("abcdefghijkl", ["abcdefghij", "kl"], id="ten at most"),
    ],
)
def test_events_are_cut_into_batches(groups, batches):
    assert ["".join(event.group_id for event in batch) for batch in _batches(outbox_of(groups))] == batches


@given(GROUPS)
def test_batches_hold_every_event_once_each_group_once_a_batch_and_in_order(groups):
    events = outbox_of(groups)
    batches = list(_batches(events))

    sent = [event for batch in batches for event in batch]
    assert sorted(event.position for event in sent) == [event.position for event in events]
    for batch in batches:
        assert 0 < len(batch) <= PUBLISH_BATCH
        assert len({event.group_id for event in batch}) == len(batch)
    for group in set(groups):
        positions = [event.position for event in sent if event.group_id == group]
        assert positions == sorted(positions)


def test_what_was_published_no_longer_waits():
    outbox, publisher = MemoryOutbox(outbox_of("abca")), PickyPublisher()

    assert relay_of(outbox, publisher).relay_once() == 4
    assert outbox.waiting == []


def test_after_a_failed_event_nothing_later_of_its_group_goes_out():
    outbox, publisher = MemoryOutbox(outbox_of("aabba")), PickyPublisher({"event-1": 1})

    assert relay_of(outbox, publisher).relay_once() == 2
    assert [event.id for event in publisher.published] == ["event-3", "event-4"]
    assert [event.id for event in outbox.waiting] == ["event-1", "event-2", "event-5"]


def test_a_group_that_failed_goes_out_in_order_the_next_time():
    outbox, publisher = MemoryOutbox(outbox_of("aab")), PickyPublisher({"event-1": 1})
    relay = relay_of(outbox, publisher)

    relay.relay_once()
    relay.relay_once()

    assert [event.id for event in publisher.published if event.group_id == "a"] == ["event-1", "event-2"]


def test_groups_that_fail_for_ever_do_not_hold_up_the_rest():
    stuck = "".join(chr(0x4E00 + number) for number in range(2 * BATCH + 50))
    never = {f"event-{number}": 10**6 for number in range(1, 2 * BATCH + 51)}
    outbox, publisher = MemoryOutbox(outbox_of(stuck + "ab")), PickyPublisher(never)
    relay = relay_of(outbox, publisher)

    for _ in range(5):
        relay.relay_once()

    assert [event.group_id for event in publisher.published] == ["a", "b"]


def test_failures_are_counted_by_group():
    meter = FakeMeter()

    Relay(MemoryOutbox(outbox_of("aabb")), PickyPublisher({"event-1": 1, "event-3": 1}), meter).relay_once()

    assert meter.counted == {"PublishFailed": 2}


@given(GROUPS, st.dictionaries(st.integers(1, 60).map("event-{}".format), st.integers(1, 3), max_size=10))
def test_whatever_fails_for_a_while_everything_goes_out_once_and_each_group_in_order(groups, refusals):
    outbox, publisher = MemoryOutbox(outbox_of(groups)), PickyPublisher(refusals)
    relay = relay_of(outbox, publisher)

    for _ in range(sum(refusals.values()) + 1):
        relay.relay_once()

    assert outbox.waiting == []
    assert len(publisher.published) == len(groups)
    for group in set(groups):
        positions = [event.position for event in publisher.published if event.group_id == group]
        assert positions == sorted(positions)


def test_a_round_reads_a_bounded_number_of_events():
    outbox = MemoryOutbox(outbox_of("ab" * BATCH))

    relay_of(outbox, PickyPublisher()).relay_once()

    assert outbox.asked_for == [BATCH]
    assert len(outbox.waiting) == BATCH
