"""Publish what the outbox holds: in order a device, at least once, within a second."""

import logging
import time
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress

from scheduler.domain.errors import Unavailable
from scheduler.domain.events import OutboxEvent
from scheduler.ports import EventPublisher, Meter, OutboxStore

logger = logging.getLogger(__name__)

BATCH = 200
"""Twice as many would go a sixth faster, and a group that fills a reading would hold up the others twice as long."""
PUBLISH_BATCH = 10
AT_ONCE = 8
"""Batches on their way or not yet marked: so many go out twice after a kill. At 20 ms each they keep one core busy."""
LEASE_SECONDS = 10.0
"""A killed relay blocks the next for as long; one that was frozen only publishes twice, which consumers bear."""
ROUND_SECONDS = LEASE_SECONDS / 2
"""A round stops here, well before its lease runs out under it."""
IDLE_SECONDS = 0.2


class Relay:
    """The one holder of a lease moves events from the outbox to the topic; it publishes with no transaction open.

    Threads do nothing but publish, and end with the round; all work on the database is done by the one that runs.
    """

    def __init__(self, outbox: OutboxStore, publisher: EventPublisher, meter: Meter, *, at_once: int = AT_ONCE) -> None:
        """Take where events wait and where they go, `at_once` batches at a time."""
        self._outbox = outbox
        self._publisher = publisher
        self._meter = meter
        self._at_once = at_once
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
        """Publish the oldest events once; tell how many went out. After a failed one nothing of its group goes.

        What the publisher raises is raised when the batches on their way are back and marked.
        """
        stop_at = time.monotonic() + ROUND_SECONDS
        events = self._outbox.oldest(BATCH, without=self._left_out)
        line = _Line(events)
        count = sum(len(published) for published in self._publish(line, stop_at))
        # Groups that fail must not fill every round: while more may wait behind them, the next rounds go without them.
        self._left_out = self._left_out | line.failed if len(events) == BATCH else set()
        if line.failed:
            self._meter.count("PublishFailed", len(line.failed))
            logger.warning("publish failed", extra={"groups": len(line.failed)})
        return count

    def _publish(self, line: "_Line", stop_at: float) -> Iterator[set[int]]:
        """Publish batches at once and mark what went out; nothing begins after `stop_at`, or after one has raised."""
        flying: dict[Future[Collection[int]], list[OutboxEvent]] = {}
        raised: BaseException | None = None
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="publish") as pool:
            while True:  # ends: the line does, and each batch comes back within the publisher's timeouts
                may_begin = raised is None and time.monotonic() <= stop_at
                while may_begin and len(flying) < self._at_once and (batch := line.take()):
                    flying[pool.submit(self._publisher.publish, batch)] = batch
                if not flying:
                    break
                back = wait(flying, return_when=FIRST_COMPLETED).done
                raised = next(filter(None, (future.exception() for future in back)), raised)
                published = {position for future in back if not future.exception() for position in future.result()}
                if published:
                    self._outbox.mark_published(sorted(published))
                tried = [event for future in back for event in flying.pop(future)]
                line.settle(tried, published)
                self._longest_wait = max([self._longest_wait, *(event.waited_seconds for event in tried)])
                yield published
        if raised:
            raise raised


class _Line:
    """Events that wait, in order a group: the next of a group may go only when the one before went out.

    So no batch holds a group twice, and of those on their way no two hold the same: whatever fails reorders nothing.
    """

    def __init__(self, events: Iterable[OutboxEvent]) -> None:
        """Take events in their order."""
        self.failed: set[str] = set()
        self._behind: dict[str, deque[OutboxEvent]] = {}
        self._ready: deque[OutboxEvent] = deque()
        for event in events:
            if event.group_id in self._behind:
                self._behind[event.group_id].append(event)
            else:
                self._behind[event.group_id] = deque()
                self._ready.append(event)

    def take(self) -> list[OutboxEvent]:
        """Take the next batch; empty: none may go now."""
        return [self._ready.popleft() for _ in range(min(PUBLISH_BATCH, len(self._ready)))]

    def settle(self, tried: Iterable[OutboxEvent], published: Collection[int]) -> None:
        """Let follow what waited behind those that went out; behind the others nothing goes any more."""
        for event in tried:
            behind = self._behind[event.group_id]
            if event.position not in published:
                self.failed.add(event.group_id)
            elif behind:
                self._ready.append(behind.popleft())
