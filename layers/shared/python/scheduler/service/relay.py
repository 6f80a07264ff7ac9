"""Publish what the outbox holds: in order a device, at least once, within a second."""

import logging
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice

from scheduler.domain.errors import Unavailable
from scheduler.domain.events import OutboxEvent
from scheduler.ports import EventPublisher, Meter, OutboxStore

logger = logging.getLogger(__name__)

BATCH = 100
PUBLISH_BATCH = 10
LEASE_SECONDS = 10.0
"""A killed relay blocks the next for as long; one that was frozen only publishes twice, which consumers bear."""
ROUND_SECONDS = LEASE_SECONDS / 2
"""A round stops here, well before its lease runs out under it."""
IDLE_SECONDS = 0.2


class Relay:
    """The one holder of a lease moves events from the outbox to the topic; it publishes with no transaction open."""

    def __init__(self, outbox: OutboxStore, publisher: EventPublisher, meter: Meter) -> None:
        """Take where events wait and where they go."""
        self._outbox = outbox
        self._publisher = publisher
        self._meter = meter
        self._holder = uuid.uuid4().hex
        self._longest_wait = 0.0
        self._left_out: set[str] = set()

    def run(self, seconds: float) -> int:
        """Relay for about `seconds`, waiting for the lease when another run still holds it; tell how many went out."""
        deadline = time.monotonic() + seconds
        self._longest_wait = 0.0
        published = 0
        while time.monotonic() < deadline:
            moved = self._round()
            published += moved
            if not moved:
                time.sleep(IDLE_SECONDS)
        with suppress(Unavailable):
            self._outbox.acquire_lease(self._holder, 0)  # let go at once: the next run waits for it
        self._meter.count("EventsPublished", published)
        self._meter.observe("OutboxLag", self._longest_wait, "Seconds")
        return published

    def _round(self) -> int:
        try:
            return self.relay_once() if self._outbox.acquire_lease(self._holder, LEASE_SECONDS) else 0
        except Unavailable:  # the database is away for a moment: told where it was noticed
            return 0

    def relay_once(self) -> int:
        """Publish the oldest events once; tell how many went out. After a failed one nothing of its group goes."""
        failed_groups: set[str] = set()
        count = 0
        stop_at = time.monotonic() + ROUND_SECONDS
        events = self._outbox.oldest(BATCH, without=self._left_out)
        for batch in _batches(events):
            if time.monotonic() > stop_at:
                break
            ready = [event for event in batch if event.group_id not in failed_groups]
            if not ready:
                continue
            published = self._publisher.publish(ready)
            if published:
                self._outbox.mark_published(sorted(published))
            failed_groups.update(event.group_id for event in ready if event.position not in published)
            count += len(published)
            self._longest_wait = max([self._longest_wait, *(event.waited_seconds for event in ready)])
        # Groups that fail must not fill every round: while more may wait behind them, the next rounds go without them.
        self._left_out = self._left_out | failed_groups if len(events) == BATCH else set()
        if failed_groups:
            self._meter.count("PublishFailed", len(failed_groups))
            logger.warning("publish failed", extra={"groups": len(failed_groups)})
        return count


def _batches(events: Sequence[OutboxEvent]) -> Iterable[list[OutboxEvent]]:
    """Cut into batches of up to ten with each group once, so that a partial failure cannot reorder a group."""
    by_turn: dict[int, list[OutboxEvent]] = {}
    seen: dict[str, int] = {}
    for event in events:
        turn = seen[event.group_id] = seen.get(event.group_id, -1) + 1
        by_turn.setdefault(turn, []).append(event)
    for turn in sorted(by_turn):
        waiting = iter(by_turn[turn])
        while batch := list(islice(waiting, PUBLISH_BATCH)):
            yield batch
