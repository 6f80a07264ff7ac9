"""How many events a second the relay publishes where round trips decide, and what processor time it takes for one."""

import os
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from typing import Any
from unittest import mock

from benchmarks.bloat import Silence
from benchmarks.crowd.place import fill
from scheduler.adapters.aws.publisher import SnsPublisher
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.domain.events import OutboxEvent
from scheduler.ports import EventPublisher
from scheduler.service.relay import AT_ONCE, BATCH, Relay
from tools.embedded import postgres
from tools.embedded.aws import REGION, local_aws

ROUNDS, EVENTS, DEVICES = 3, 10 * BATCH, 1000
_MICRO = 1_000_000
_FILL = """
INSERT INTO outbox (type, subject, group_id, tenant_id, data, occurred_at)
SELECT 'device.released', 'd', 'device-' || floor(random() * %(devices)s), 'acme',
       jsonb_build_object('deviceId', 'd', 'userId', 'u', 'text', repeat('x', 300)), clock_timestamp()
  FROM generate_series(1, %(events)s)"""


class FarAway:
    """A topic that takes everything, after the time of a round trip."""

    def __init__(self, seconds: float) -> None:
        """Take so long each time."""
        self._seconds = seconds

    def publish(self, events: Sequence[OutboxEvent]) -> Collection[int]:
        """Take them all."""
        time.sleep(self._seconds)
        return {event.position for event in events}


def measure_relay(round_trip_ms: float, tell: Callable[[str], None]) -> dict[str, Any]:
    """Relay a full outbox of a durable server with one and with all batches at once, in turn; give the best of both.

    The processor time is that of the relay's process with boto3 and a local SNS.
    """
    far = FarAway(round_trip_ms / 1000)
    with postgres(durable=True) as server, local_aws() as aws:
        url = server.create_database("relay")
        fill(url)
        topic = aws.client("sns").create_topic(Name="events.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        own = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
        with (
            mock.patch.dict(os.environ, own | {"AWS_ENDPOINT_URL": aws.url}),
            closing(Database(lambda: url)) as database,
        ):
            near, rounds = SnsPublisher(topic, AT_ONCE), []
            for number in range(1, ROUNDS + 1):
                tell(f"relay, round {number} of {ROUNDS}")
                rounds.append([_relay(database, *how) for how in ((far, 1), (far, AT_ONCE), (near, AT_ONCE))])
    one, many, with_boto3 = zip(*rounds, strict=True)
    return {
        "round_trip_ms": round_trip_ms,
        "at_once": AT_ONCE,
        "one_per_second": round(max(rate for rate, _ in one)),
        "per_second": round(max(rate for rate, _ in many)),
        "cpu_us": round(min(cost for _, cost in with_boto3)),
        "load": round(os.getloadavg()[0], 1),
    }


def _relay(database: Database, publisher: EventPublisher, at_once: int) -> tuple[float, float]:
    """Give events a second, and µs of this process' processor time an event."""
    database.call("TRUNCATE outbox", {})
    database.call(_FILL, {"events": EVENTS, "devices": DEVICES})
    relay = Relay(PostgresOutbox(database), publisher, Silence(), at_once=at_once)
    started, busy, left = time.perf_counter(), time.process_time(), EVENTS
    while left and (moved := relay.relay_once()):
        left -= moved
    elapsed, busy = time.perf_counter() - started, time.process_time() - busy
    if left:
        raise RuntimeError(f"{left} events did not go out")
    return EVENTS / elapsed, busy / EVENTS * _MICRO
