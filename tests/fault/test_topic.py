"""The event side of a run: what it promises holds, and the real relay and consumer stand what it can do to them."""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from scheduler.adapters.aws.publisher import SnsPublisher
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresInbox, PostgresOutbox
from scheduler.domain.events import OutboxEvent
from scheduler.edge.queue import QueueHandler, consuming
from scheduler.service.relay import Relay
from scheduler.service.usage_deliverer import UsageDeliverer
from tests.fault.sns_gateway import Trouble
from tests.fault.topic import EventSide, event_side, succeeded
from tests.support.api import Api, Context
from tests.support.fake_meter import FakeMeter
from tools.embedded.aws import REGION, LocalAws, local_aws

PATIENCE_SECONDS = 30.0
MOST_ROUNDS = 300
BAD_DAY = {
    Trouble.PARTIAL: 0.4,
    Trouble.LOST_REPLY: 0.1,
    Trouble.THROTTLING: 0.1,
    Trouble.THROTTLED: 0.05,
    Trouble.INTERNAL_ERROR: 0.05,
}


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """A local SNS and SQS."""
    with local_aws() as server:
        yield server


@pytest.fixture
def events(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[EventSide]:
    """The event side of one run; the publisher finds the gateway."""
    with event_side(aws, visibility_seconds=1) as side:
        monkeypatch.setenv("AWS_ENDPOINT_URL", side.endpoint_url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        yield side


@pytest.fixture
def publisher(events: EventSide) -> Iterator[SnsPublisher]:
    """The real publisher."""
    made = SnsPublisher(events.topic_arn)
    yield made
    made._client.close()


@pytest.fixture
def told() -> list[str]:
    """The keys under which usage was told."""
    return []


@pytest.fixture
def deliver(database_url: str, told: list[str]) -> Iterator[QueueHandler]:
    """The handler of the deliver function, with a real inbox and a user service that notes keys."""

    class Notes:
        def report(self, user: object, usage: object, idempotency_key: str) -> None:
            told.append(idempotency_key)

    with closing(Database(lambda: database_url)) as own:
        yield consuming(UsageDeliverer(Notes(), PostgresInbox(own)).deliver)


def event(position: int, group: str, event_type: str = "device.allocated") -> OutboxEvent:
    share = {"devices": 1, "cpuCores": 2, "memoryMB": 2048, "storageMB": 16384}
    data = {"deviceId": group, "userId": "ana", "quotaUsed": share, "quotaRestored": share}
    return OutboxEvent(position, f"event-{position}", event_type, group, group, datetime.now(UTC), data)


def publish(publisher: SnsPublisher, *events: OutboxEvent) -> None:
    for one in events:
        assert list(publisher.publish([one])) == [one.position]


def becomes(what: Callable[[], object]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(what())


def busy_outbox(api: Api, database: Database) -> Mapping[str, list[str]]:
    """Fill the outbox with eight events of each of six devices; give the ids by device."""
    devices = api.add_devices(6)
    for _ in range(4):
        for _ in devices:
            assert api.allocate().status == 201
        for device in devices:
            assert api.release(device).status == 200
    by_group = defaultdict(list)
    for row in database.rows("SELECT event_id::text, group_id FROM outbox ORDER BY id", {}):
        by_group[row["group_id"]].append(row["event_id"])
    return by_group


def unpublished(database: Database) -> int:
    return int(database.call("SELECT count(*) FROM outbox WHERE published_at IS NULL", {}))


def received(events: EventSide) -> Mapping[str, list[str]]:
    by_group = defaultdict(list)
    for message in events.received:
        by_group[message.group].append(message.event_id)
    return by_group


# --- the way there


@pytest.mark.parametrize("seed", range(3))
def test_each_group_keeps_its_order_whatever_sns_does(
    api: Api, database: Database, aws: LocalAws, events: EventSide, publisher: SnsPublisher, seed: int
) -> None:
    expected = busy_outbox(api, database)
    relay = Relay(PostgresOutbox(database), publisher, FakeMeter())
    events.gateway._random.seed(seed)
    events.gateway.strew(BAD_DAY)
    with events.reading():
        for _ in range(MOST_ROUNDS):
            relay.relay_once()
            if not unpublished(database):
                break
        assert events.drain(PATIENCE_SECONDS)

    assert unpublished(database) == 0
    assert received(events) == expected  # none twice either: what a lost reply made doubtful was sent under its id
    assert events.gateway.done()[Trouble.PARTIAL] > 0


def test_throttled_and_then_healed_nothing_is_lost(
    api: Api, database: Database, events: EventSide, publisher: SnsPublisher
) -> None:
    expected = busy_outbox(api, database)
    relay = Relay(PostgresOutbox(database), publisher, FakeMeter())
    events.gateway.strew({Trouble.THROTTLING: 0.5, Trouble.THROTTLED: 0.5})
    with events.reading():
        assert [relay.relay_once() for _ in range(3)] == [0, 0, 0]
        assert events.gateway.wait_done(3, 0)
        events.gateway.heal()
        assert relay.relay_once() == sum(map(len, expected.values()))
        assert events.drain(PATIENCE_SECONDS)

    assert received(events) == expected


@pytest.mark.parametrize("trouble", Trouble)
def test_the_publisher_believes_what_was_confirmed_only(
    events: EventSide, publisher: SnsPublisher, trouble: Trouble
) -> None:
    events.gateway.slow_seconds = 0.2
    events.gateway.arm(trouble)
    with events.reading():
        started = time.monotonic()
        confirmed = publisher.publish([event(n, f"phone-{n}") for n in range(10)])
        took = time.monotonic() - started
        assert events.drain(PATIENCE_SECONDS)
        arrived = {int(message.event_id.removeprefix("event-")) for message in events.received}

        assert events.gateway.done() == {trouble: 1}
        match trouble:
            case Trouble.LOST_REPLY:
                assert (len(arrived), len(confirmed)) == (10, 0)
            case Trouble.PARTIAL:
                assert arrived == set(confirmed)
                assert 0 < len(arrived) < 10
            case Trouble.SLOW:
                assert (len(arrived), len(confirmed)) == (10, 10)
                assert took >= 0.2
            case _:
                assert (len(arrived), len(confirmed)) == (0, 0)
        assert len(publisher.publish([event(n, f"phone-{n}") for n in range(10)])) == 10  # once is once
        assert events.drain(PATIENCE_SECONDS)
    assert len(events.received) == 10


@pytest.mark.parametrize(
    ("trouble", "status", "code"),
    [
        (Trouble.THROTTLING, 400, "Throttling"),
        (Trouble.THROTTLED, 429, "Throttled"),
        (Trouble.INTERNAL_ERROR, 500, "InternalError"),
    ],
)
def test_errors_look_as_those_of_sns(events: EventSide, trouble: Trouble, status: int, code: str) -> None:
    with closing(boto3.client("sns", config=Config(retries={"total_max_attempts": 1}))) as client:
        events.gateway.arm(trouble)
        with pytest.raises(ClientError) as raised:
            client.publish(TopicArn=events.topic_arn, Message="{}", MessageGroupId="g", MessageDeduplicationId="d")
        assert client.list_topics()["Topics"]  # what does not publish passes

    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_batch_may_fail_as_a_whole_and_the_counts_are_exact(events: EventSide, publisher: SnsPublisher) -> None:
    events.gateway.arm(Trouble.PARTIAL, times=2)
    assert [list(publisher.publish([event(1, "phone")])) for _ in range(3)] == [[], [], [1]]
    assert events.gateway.done() == Counter({Trouble.PARTIAL: 2})


def test_callers_that_keep_their_connections_do_not_hold_the_gateway(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as parts:
        side = parts.enter_context(event_side(aws))
        monkeypatch.setattr(aws, "port", int(side.endpoint_url.rpartition(":")[2]))
        with closing(aws.client("sns")) as through:
            monkeypatch.undo()
            assert through.list_topics()["Topics"]
            parts.close()
    with closing(aws.client("sns")) as direct:
        assert side.topic_arn not in {topic["TopicArn"] for topic in direct.list_topics()["Topics"]}


def test_runs_do_not_share(aws: LocalAws, events: EventSide, publisher: SnsPublisher) -> None:
    with event_side(aws) as other, events.reading(), other.reading():
        publish(publisher, event(1, "phone"))
        assert events.drain(PATIENCE_SECONDS)
        assert (len(events.received), other.received) == (1, [])
        assert other.drained()


# --- the way from there


def test_poison_is_parked_after_five_receives_and_others_flow(
    events: EventSide, publisher: SnsPublisher, deliver: QueueHandler, told: list[str]
) -> None:
    receives: list[tuple[str, int]] = []

    def noting(batch: dict[str, Any]) -> Any:
        receives.extend((r["body"][:6], int(r["attributes"]["ApproximateReceiveCount"])) for r in batch["Records"])
        return deliver(batch, Context())

    events.send_poison("poison", "phone-1")
    publish(publisher, event(1, "phone-1"), *(event(n, f"phone-{n}") for n in range(2, 8)))
    with events.mapping(noting):
        assert becomes(lambda: len(told) == 6)
        assert events.parked() == []  # the others did not wait for it
        assert becomes(lambda: not events.left(events.usage_url))
        publish(publisher, event(8, "phone-1"))
        assert becomes(lambda: not events.left(events.usage_url))

    assert [count for body, count in receives if body == "poison"] == [1, 2, 3, 4, 5]
    # What shares its group and each of its batches is received as often, so it is parked with it, here as on AWS.
    assert events.parked() == ["poison", "event-1"] == events.parked()
    assert told[6:] == ["event-8"]


def test_an_event_that_comes_again_after_the_window_is_dropped_by_the_inbox(
    events: EventSide, publisher: SnsPublisher, deliver: QueueHandler, told: list[str]
) -> None:
    batches: list[list[str]] = []

    def noting(batch: dict[str, Any]) -> Any:
        batches.append([json.loads(record["body"])["id"] for record in batch["Records"]])
        return deliver(batch, Context())

    with events.reading(), events.mapping(noting):
        publish(publisher, event(1, "phone"))
        assert becomes(lambda: told and events.drained())
        publisher.publish([event(1, "phone")])  # within the window: SNS drops it
        events.send_again("event-1")
        assert becomes(lambda: len(batches) == 2)
        assert events.drain(PATIENCE_SECONDS, with_usage=True)

    assert batches == [["event-1"], ["event-1"]]
    assert [message.event_id for message in events.received] == ["event-1", "event-1"]
    assert told == ["event-1"]


def test_the_usage_queue_gets_what_changes_usage_only(events: EventSide, publisher: SnsPublisher) -> None:
    publish(publisher, event(1, "phone", "scheduler.allocation.failed"), event(2, "phone", "device.released"))
    with events.reading():
        assert events.drain(PATIENCE_SECONDS)

    assert [(m.place, m.event_id, m.type, m.group) for m in events.received] == [
        (0, "event-1", "scheduler.allocation.failed", "phone"),
        (1, "event-2", "device.released", "phone"),
    ]
    assert events.left(events.usage_url) == 1


def test_a_death_brings_the_batch_back_in_order(events: EventSide, publisher: SnsPublisher) -> None:
    came: list[tuple[str, str]] = []

    def dies_once(batch: dict[str, Any]) -> dict[str, Any] | None:
        died = not came
        came.extend((json.loads(r["body"])["id"], r["attributes"]["ApproximateReceiveCount"]) for r in batch["Records"])
        return None if died else {"batchItemFailures": []}

    publish(publisher, event(1, "phone"), event(2, "phone"))
    with events.mapping(dies_once):
        assert becomes(lambda: not events.left(events.usage_url))

    assert came == [("event-1", "1"), ("event-2", "1"), ("event-1", "2"), ("event-2", "2")]


def test_pollers_side_by_side_keep_the_order_of_each_group(events: EventSide, publisher: SnsPublisher) -> None:
    order: dict[str, list[int]] = defaultdict(list)
    busy: set[str] = set()
    together: list[str] = []

    def slow(batch: dict[str, Any]) -> dict[str, Any]:
        groups = {record["attributes"]["MessageGroupId"] for record in batch["Records"]}
        together.extend(busy & groups)
        busy.update(groups)
        time.sleep(0.02)
        for record in batch["Records"]:
            order[record["attributes"]["MessageGroupId"]].append(int(json.loads(record["body"])["id"][6:]))
        busy.difference_update(groups)
        return {"batchItemFailures": []}

    publish(publisher, *(event(n, f"phone-{n % 4}") for n in range(40)))
    with events.mapping(slow, pollers=3):
        assert becomes(lambda: not events.left(events.usage_url))

    assert together == []
    assert order == {f"phone-{k}": list(range(k, 40, 4)) for k in range(4)}


def test_a_record_is_what_lambda_gives(events: EventSide, publisher: SnsPublisher) -> None:
    batches: list[dict[str, Any]] = []

    def note(batch: dict[str, Any]) -> dict[str, Any]:
        batches.append(batch)
        return {}

    publish(publisher, *(event(n, f"phone-{n}") for n in range(6)))
    with events.mapping(note):
        assert becomes(lambda: sum(len(batch["Records"]) for batch in batches) == 6)

    assert [len(batch["Records"]) for batch in batches] == [5, 1]
    record = batches[0]["Records"][0]
    assert json.loads(record["body"]) == event(0, "phone-0").envelope() | {"time": json.loads(record["body"])["time"]}
    assert {"MessageGroupId", "ApproximateReceiveCount", "SentTimestamp", "MessageDeduplicationId"} <= set(
        record["attributes"]
    )
    assert record["messageAttributes"]["type"]["stringValue"] == "device.allocated"
    assert record["eventSource"] == "aws:sqs"
    assert record["messageId"]
    assert record["receiptHandle"]


@pytest.mark.parametrize(
    ("answer", "deleted"),
    [
        pytest.param(None, [], id="a death keeps all"),
        pytest.param({}, ["a", "b"], id="nothing failed"),
        pytest.param({"batchItemFailures": []}, ["a", "b"], id="no failures"),
        pytest.param({"batchItemFailures": [{"itemIdentifier": "a"}]}, ["b"], id="one failed"),
        pytest.param({"batchItemFailures": [{"itemIdentifier": "x"}]}, [], id="an unknown one fails all"),
        pytest.param({"batchItemFailures": [{}]}, [], id="a nameless one fails all"),
    ],
)
def test_what_an_answer_lets_go(answer: dict[str, Any] | None, deleted: list[str]) -> None:
    assert [m["MessageId"] for m in succeeded([{"MessageId": "a"}, {"MessageId": "b"}], answer)] == deleted


def test_what_breaks_a_poller_is_not_swallowed(events: EventSide, publisher: SnsPublisher) -> None:
    called = threading.Event()

    def broken(_: dict[str, Any]) -> None:
        called.set()
        raise ZeroDivisionError

    publish(publisher, event(1, "phone"))
    with pytest.raises(ZeroDivisionError), events.mapping(broken):
        called.wait(PATIENCE_SECONDS)
