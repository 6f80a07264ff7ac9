"""The relay publishes batches at once, and never lets a later event of a group overtake an earlier one."""

import threading
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.events import OutboxEvent
from scheduler.service import relay as service
from scheduler.service.relay import AT_ONCE, BATCH, PUBLISH_BATCH, ROUND_SECONDS, Relay, _Line
from tests.support.fake_meter import FakeMeter

PATIENCE_SECONDS = 30
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GROUPS = st.lists(st.sampled_from("abcdefghijklmno"), max_size=60)
MANY = "".join(chr(0x4E00 + number) for number in range(2 * BATCH + 50))
"""Groups that fill more than two readings."""


def outbox_of(groups: Sequence[str]) -> list[OutboxEvent]:
    """One event a letter, in order; the letter is its group."""
    return [
        OutboxEvent(position, f"event-{position}", "device.allocated", group, group, NOON, {})
        for position, group in enumerate(groups, 1)
    ]


class MemoryOutbox:
    """Remembers which threads used it."""

    def __init__(self, events: Sequence[OutboxEvent]) -> None:
        self.waiting = list(events)
        self.asked_for: list[int] = []
        self.threads: set[threading.Thread] = set()

    def acquire_lease(self, holder: str, seconds: float) -> bool:
        return True

    def oldest(self, limit: int, without: Collection[str] = ()) -> Sequence[OutboxEvent]:
        self.threads.add(threading.current_thread())
        self.asked_for.append(limit)
        return [event for event in self.waiting if event.group_id not in without][:limit]

    def mark_published(self, positions: Sequence[int]) -> None:
        self.threads.add(threading.current_thread())
        self.waiting = [event for event in self.waiting if event.position not in positions]


class PickyPublisher:
    """Refuses events by id, each a number of times; notes what is on its way at once."""

    def __init__(self, refusals: dict[str, int] | None = None) -> None:
        self.refusals = dict(refusals or {})
        self.published: list[OutboxEvent] = []
        self.begun = 0
        self.flying: list[str] = []
        self.twice: set[str] = set()
        """Groups that were on their way twice at once."""
        self.most_flying = 0
        self.changed = threading.Condition()

    def publish(self, events: Sequence[OutboxEvent]) -> Collection[int]:
        groups = [event.group_id for event in events]
        with self.changed:
            self.begun += 1
            self.twice |= set(groups) & set(self.flying)
            self.flying += groups
            self.most_flying = max(self.most_flying, len(self.flying))
        self.travel(events)
        with self.changed:
            taken = [event for event in events if not self._refuses(event)]
            self.published += taken
            self.flying = [group for group in self.flying if group not in groups]
            self.changed.notify_all()
        return {event.position for event in taken}

    def travel(self, events: Sequence[OutboxEvent]) -> None:
        """Take no time."""

    def _refuses(self, event: OutboxEvent) -> bool:
        left = self.refusals.get(event.id, 0)
        self.refusals[event.id] = left - 1
        return left > 0


class InCrowds(PickyPublisher):
    """Lets nobody come back before so many are on their way."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._crowd = threading.Barrier(size, timeout=PATIENCE_SECONDS)

    def travel(self, events: Sequence[OutboxEvent]) -> None:
        self._crowd.wait()


class FirstIsSlow(PickyPublisher):
    """Keeps the batch of the first event until nothing else is left that may go."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self._others = others

    def travel(self, events: Sequence[OutboxEvent]) -> None:
        if events[0].position == 1:
            with self.changed:
                assert self.changed.wait_for(lambda: len(self.published) >= self._others, PATIENCE_SECONDS)


class Breaks(PickyPublisher):
    """Raises for the batch of the first event, well before the others come back."""

    def __init__(self) -> None:
        super().__init__()
        self._broken = threading.Event()

    def travel(self, events: Sequence[OutboxEvent]) -> None:
        if events[0].position == 1:
            self._broken.set()
            raise ZeroDivisionError
        assert self._broken.wait(PATIENCE_SECONDS)
        time.sleep(0.1)


def relay_of(outbox: MemoryOutbox, publisher: PickyPublisher) -> Relay:
    return Relay(outbox, publisher, FakeMeter())


def published_by_group(publisher: PickyPublisher) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in publisher.published:
        found.setdefault(event.group_id, []).append(event.position)
    return found


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
    line, cut = _Line(outbox_of(groups)), []
    while batch := line.take():
        cut.append("".join(event.group_id for event in batch))
        line.settle(batch, {event.position for event in batch})

    assert cut == batches


@given(GROUPS)
def test_what_may_go_at_once_holds_each_group_once(groups):
    line, at_once = _Line(outbox_of(groups)), []
    while batch := line.take():
        assert len(batch) <= PUBLISH_BATCH
        at_once += batch

    assert sorted(event.group_id for event in at_once) == sorted(set(groups))


def test_what_was_published_no_longer_waits():
    outbox, publisher = MemoryOutbox(outbox_of("abca")), PickyPublisher()

    assert relay_of(outbox, publisher).relay_once() == 4
    assert outbox.waiting == []


def test_as_many_batches_are_on_their_way_as_may_be_and_no_more():
    outbox, publisher = MemoryOutbox(outbox_of(MANY[: 2 * AT_ONCE * PUBLISH_BATCH])), InCrowds(AT_ONCE)

    assert relay_of(outbox, publisher).relay_once() == 2 * AT_ONCE * PUBLISH_BATCH
    assert publisher.most_flying == AT_ONCE * PUBLISH_BATCH


def test_a_slow_batch_holds_up_its_own_groups_only():
    slow, quick = MANY[:PUBLISH_BATCH], MANY[PUBLISH_BATCH : 3 * PUBLISH_BATCH]
    outbox, publisher = MemoryOutbox(outbox_of((slow + quick) * 3)), FirstIsSlow(others=3 * len(quick))

    relay_of(outbox, publisher).relay_once()

    assert {event.group_id for event in publisher.published[: 3 * len(quick)]} == set(quick)
    assert publisher.twice == set()
    assert all(positions == sorted(positions) for positions in published_by_group(publisher).values())
    assert outbox.waiting == []


def test_who_dies_before_the_mark_has_published_no_more_than_may_be_on_its_way():
    outbox, publisher = MemoryOutbox(outbox_of(MANY)), PickyPublisher()
    outbox.mark_published = lambda _: 1 / 0

    with pytest.raises(ZeroDivisionError):
        relay_of(outbox, publisher).relay_once()

    assert 0 < len(publisher.published) <= AT_ONCE * PUBLISH_BATCH


def test_threads_end_with_the_round_and_leave_the_outbox_alone():
    outbox, broken = MemoryOutbox(outbox_of(MANY)), MemoryOutbox(outbox_of(MANY))

    relay_of(outbox, PickyPublisher()).relay_once()
    with pytest.raises(ZeroDivisionError):
        relay_of(broken, Breaks()).relay_once()

    assert outbox.threads == broken.threads == {threading.current_thread()}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("publish")]


def test_when_a_publisher_raises_nothing_more_begins_and_what_went_out_is_marked():
    outbox, publisher = MemoryOutbox(outbox_of(MANY)), Breaks()

    with pytest.raises(ZeroDivisionError):
        relay_of(outbox, publisher).relay_once()

    assert publisher.begun == AT_ONCE
    assert len(publisher.published) == (AT_ONCE - 1) * PUBLISH_BATCH
    assert len(outbox.waiting) == len(MANY) - len(publisher.published)
    assert not [event for event in publisher.published if event in outbox.waiting]


def test_a_round_that_is_over_begins_nothing_more_and_blames_nobody(monkeypatch: pytest.MonkeyPatch):
    clock, meter = [0.0], FakeMeter()
    monkeypatch.setattr(service, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    outbox, publisher = MemoryOutbox(outbox_of(MANY)), PickyPublisher()
    publisher.travel = lambda _: clock.__setitem__(0, ROUND_SECONDS + 0.001)

    assert Relay(outbox, publisher, meter).relay_once() == AT_ONCE * PUBLISH_BATCH
    assert publisher.begun == AT_ONCE
    assert meter.counted == {}


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

    assert published_by_group(publisher)["a"] == [1, 2]


def test_groups_that_fail_for_ever_do_not_hold_up_the_rest():
    never = {f"event-{number}": 10**6 for number in range(1, len(MANY) + 1)}
    outbox, publisher = MemoryOutbox(outbox_of(MANY + "ab")), PickyPublisher(never)
    relay = relay_of(outbox, publisher)

    for _ in range(5):
        relay.relay_once()

    assert [event.group_id for event in publisher.published] == ["a", "b"]


def test_failures_are_counted_by_group():
    meter = FakeMeter()

    Relay(MemoryOutbox(outbox_of("aabb")), PickyPublisher({"event-1": 1, "event-3": 1}), meter).relay_once()

    assert meter.counted == {"PublishFailed": 2}


@given(
    st.lists(st.integers(0, 40), max_size=BATCH).map(lambda drawn: [MANY[number] for number in drawn]),
    st.dictionaries(st.integers(1, BATCH).map("event-{}".format), st.integers(1, 3), max_size=10),
)
def test_whatever_fails_for_a_while_everything_goes_out_once_and_each_group_in_order(groups, refusals):
    outbox, publisher = MemoryOutbox(outbox_of(groups)), PickyPublisher(refusals)
    relay = relay_of(outbox, publisher)

    for _ in range(sum(refusals.values()) + 1):
        relay.relay_once()

    assert outbox.waiting == []
    assert len(publisher.published) == len(groups)
    assert publisher.twice == set()
    assert all(positions == sorted(positions) for positions in published_by_group(publisher).values())


def test_a_round_reads_a_bounded_number_of_events():
    outbox = MemoryOutbox(outbox_of("ab" * BATCH))

    relay_of(outbox, PickyPublisher()).relay_once()

    assert outbox.asked_for == [BATCH]
    assert len(outbox.waiting) == BATCH
