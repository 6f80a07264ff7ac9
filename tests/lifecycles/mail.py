"""The way of events out during a run: from the outbox to the functions behind the queues, some twice or late.

Within a message group of a queue a first delivery keeps its order, as FIFO queues do. What was delivered comes again
at random, after anything; what failed, or met a killed function, comes again until it succeeds.
"""

import json
import random
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from tests.fault.crew import Crew
from tools.region import template

BATCH = 5
AGAIN = 0.2
"""Share of the delivered messages that come once more."""
_PAUSE_SECONDS = 0.02
_JOIN_SECONDS = 60.0

QUEUES = {"deliver": "UsageSubscription", "bill": "BillingSubscription", "notify": "NotifySubscription"}
"""By the function behind it: the subscription of template.yaml that says which events it takes."""


class Queue:
    """What waits for one function."""

    def __init__(self, function: str, rng: random.Random) -> None:
        """Take the types that the template's subscription takes."""
        subscription = template.load()["Resources"][QUEUES[function]]["Properties"]
        self.function = function
        self.types = frozenset(subscription["FilterPolicy"]["type"])
        self._rng = rng
        self._guard = threading.Lock()
        self._groups: dict[str, deque[Mapping[str, Any]]] = {}
        self._busy: set[str] = set()
        self._again: list[tuple[str, Mapping[str, Any]]] = []
        self.deliveries: Counter[str] = Counter()
        """How often each event was handed to the function."""

    def put(self, group: str, envelope: Mapping[str, Any]) -> None:
        """Take an event that was published."""
        if envelope["type"] in self.types:
            with self._guard:
                self._groups.setdefault(group, deque()).append(envelope)

    def take(self) -> list[tuple[str | None, Mapping[str, Any]]]:
        """Give up to a batch: heads of groups that nobody works on (with their group), and some that came before."""
        with self._guard:
            free = [group for group in self._groups if group not in self._busy]
            chosen = self._rng.sample(free, min(len(free), BATCH))
            self._busy.update(chosen)
            batch: list[tuple[str | None, Mapping[str, Any]]] = [(group, self._groups[group][0]) for group in chosen]
            while self._again and len(batch) < BATCH:
                batch.append((None, self._again.pop(self._rng.randrange(len(self._again)))[1]))
            self.deliveries.update(str(envelope["id"]) for _, envelope in batch)
            return batch

    def settle(self, batch: Sequence[tuple[str | None, Mapping[str, Any]]], failed: set[str]) -> None:
        """Take out what was applied, some of it to come again; leave what failed."""
        with self._guard:
            for place, (group, envelope) in enumerate(batch):
                if group is None:
                    if str(place) in failed:
                        self._again.append(("", envelope))
                    continue
                self._busy.discard(group)
                if str(place) in failed:
                    continue
                self._groups[group].popleft()
                if not self._groups[group]:
                    del self._groups[group]
                if self._rng.random() < AGAIN:
                    self._again.append((group, envelope))

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits or is being worked on."""
        with self._guard:
            return not (self._groups or self._again)


class Mail:
    """Publishes the outbox into the queues, and calls the functions behind them."""

    def __init__(self, database: Callable[[], Database], crew: Crew, seed: int) -> None:
        """Take what opens a connection: each thread has its own."""
        self._open = database
        self._crew = crew
        self.queues = [Queue(function, random.Random(f"{seed} {function}")) for function in QUEUES]
        self.published = 0

    @contextmanager
    def running(self, pollers: int = 2) -> Iterator[None]:
        """Publish and deliver during the `with` block."""
        over = threading.Event()
        works = [self._publish, *(work for queue in self.queues for work in [self._poller(queue)] * pollers)]
        threads = [threading.Thread(target=_until, args=(over, work), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(_JOIN_SECONDS)

    @property
    def is_done(self) -> bool:
        """Whether nothing is on its way."""
        return all(queue.is_empty for queue in self.queues)

    def _publish(self) -> bool:
        database = self._open()
        try:
            outbox = PostgresOutbox(database)
            events = outbox.oldest(100)
            for event in events:
                for queue in self.queues:
                    queue.put(event.group_id, event.envelope())
            outbox.mark_published([event.position for event in events])
            self.published += len(events)
            return bool(events)
        finally:
            database.close()

    def _poller(self, queue: Queue) -> Callable[[], bool]:
        def poll() -> bool:
            batch = queue.take()
            if batch:
                queue.settle(batch, self._deliver(queue.function, batch))
            return bool(batch)

        return poll

    def _deliver(self, function: str, batch: Sequence[tuple[str | None, Mapping[str, Any]]]) -> set[str]:
        records = [sqs_record(str(place), envelope, group or "again") for place, (group, envelope) in enumerate(batch)]
        reply = self._crew.invoke(function, {"Records": records}, 60.0)
        if reply is None or reply.answer is None:
            return {str(place) for place in range(len(batch))}
        return {failure["itemIdentifier"] for failure in reply.answer["batchItemFailures"]}


def sqs_record(message_id: str, envelope: Mapping[str, Any], group: str, sent_ms: int = 0) -> dict[str, Any]:
    """Give a record of an SQS event, as the event source mapping makes it; `sent_ms`: Unix time of the sending."""
    return {
        "messageId": message_id,
        "receiptHandle": message_id,
        "body": json.dumps(envelope),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(sent_ms),
            "MessageGroupId": group,
            "MessageDeduplicationId": str(envelope.get("id", message_id)),
        },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:queue.fifo",
        "awsRegion": "eu-central-1",
    }


def _until(over: threading.Event, work: Callable[[], bool]) -> None:
    while not over.is_set():
        if not work():
            over.wait(_PAUSE_SECONDS)
