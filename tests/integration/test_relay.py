"""Outbox → relay → SNS FIFO → SQS FIFO: a real outbox, SNS and SQS simulated, subscribed as the template says."""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from scheduler import runtime
from scheduler.adapters.aws.publisher import SnsPublisher
from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from scheduler.domain.events import EventType, OutboxEvent
from scheduler.service.relay import BATCH, LEASE_SECONDS, Relay
from tests.support.api import Api, Context
from tests.support.clock import Clock
from tests.support.one_of_each import one_event_of_each_type
from tests.support.schemas import assert_valid, faults, schema_types
from tools.handlers import load_function
from tools.region import template

MOST_RECEIVES = 100


class Aws:
    """The topic, the usage queue with the template's subscription, and a queue that gets everything."""

    def __init__(self) -> None:
        sns, self._sqs = boto3.client("sns"), boto3.client("sqs")
        self.topic = sns.create_topic(Name="events.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        self.all = self._queue("all")
        self.usage = self._queue("usage")
        subscription = template.load()["Resources"]["UsageSubscription"]["Properties"]
        raw = {"RawMessageDelivery": str(subscription["RawMessageDelivery"]).lower()}
        policy = {"FilterPolicy": json.dumps(subscription["FilterPolicy"])}
        for queue, attributes in ((self.all, raw), (self.usage, raw | policy)):
            sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self._arn(queue), Attributes=attributes)

    def receive(self, queue: str) -> list[dict[str, Any]]:
        """Take all messages off a queue, in their order."""
        taken: list[dict[str, Any]] = []
        for _ in range(MOST_RECEIVES):
            answer = self._sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
            )
            messages = answer.get("Messages", [])
            if not messages:
                break
            for message in messages:
                self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            taken += messages
        return taken

    def _queue(self, name: str) -> str:
        return str(self._sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"])

    def _arn(self, queue: str) -> str:
        answer = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])


@pytest.fixture
def aws(environment: pytest.MonkeyPatch) -> Iterator[Aws]:
    """A simulated account, with the functions told of its topic."""
    environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    environment.setenv("AWS_ACCESS_KEY_ID", "testing")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        account = Aws()
        environment.setenv("EVENTS_TOPIC_ARN", account.topic)
        environment.setenv("RELAY_SECONDS", "1")
        yield account


def test_every_event_goes_out_as_a_cloud_event_of_its_schema(api: Api, database: Database, aws: Aws) -> None:
    one_event_of_each_type(api, database)

    assert runtime.get_relay().relay_once() == len(_outbox(database))

    messages = aws.receive(aws.all)
    envelopes = [json.loads(message["Body"]) for message in messages]
    assert {envelope["type"] for envelope in envelopes} == set(EventType)
    for envelope in envelopes:
        assert_valid(envelope)
    for message, envelope in zip(messages, envelopes, strict=True):
        attributes = message["MessageAttributes"]
        assert attributes == {"type": {"DataType": "String", "StringValue": envelope["type"]}}
        assert message["Attributes"]["MessageDeduplicationId"] == envelope["id"]
    assert sorted(envelope["id"] for envelope in envelopes) == sorted(row["event_id"] for row in _outbox(database))


def test_what_went_out_is_marked_and_does_not_go_out_again(api: Api, database: Database, aws: Aws) -> None:
    api.add_devices(1)
    api.allocate()

    assert [runtime.get_relay().relay_once(), runtime.get_relay().relay_once()] == [1, 0]
    assert all(row["published_at"] for row in _outbox(database))


def test_the_usage_queue_gets_what_changes_usage_and_nothing_else(api: Api, database: Database, aws: Aws) -> None:
    one_event_of_each_type(api, database)

    runtime.get_relay().relay_once()

    types = {json.loads(message["Body"])["type"] for message in aws.receive(aws.usage)}
    assert types == {
        EventType.DEVICE_ALLOCATED,
        EventType.DEVICE_RELEASED,
        EventType.ALLOCATION_EXPIRED,
        EventType.ALLOCATION_REVOKED,
        EventType.ALLOCATION_FAILED_OVER,
    }


def test_events_of_a_device_arrive_in_their_order(api: Api, database: Database, aws: Aws) -> None:
    device_ids = api.add_devices(3)
    for number in range(4):
        for user in ("alice", "bob", "carol"):
            api.allocate(userId=user)
        for device_id in device_ids[number % 3 :] + device_ids[: number % 3]:
            api.release(device_id)

    runtime.get_relay().relay_once()

    expected, arrived = defaultdict(list), defaultdict(list)
    for row in _outbox(database):
        expected[row["group_id"]].append(row["event_id"])
    for message in aws.receive(aws.all):
        arrived[message["Attributes"]["MessageGroupId"]].append(json.loads(message["Body"])["id"])
    assert set(expected) == set(device_ids)
    assert arrived == expected


def test_the_function_works_through_its_seconds_and_lets_go(api: Api, database: Database, aws: Aws) -> None:
    api.add_devices(1)
    api.allocate()

    assert load_function("relay").handler({"source": "aws.events"}, Context()) == {"published": 1}

    assert PostgresOutbox(database).acquire_lease("the next run", 10)
    assert len(aws.receive(aws.all)) == 1


def test_a_group_that_sns_would_refuse_goes_out_under_its_digest(api: Api, aws: Aws) -> None:
    for user in ("zoë müller", "x" * 255):
        assert api.allocate(userId=user).code == "no_available_devices"

    assert runtime.get_relay().relay_once() == 2

    groups = {message["Attributes"]["MessageGroupId"] for message in aws.receive(aws.all)}
    assert len(groups) == 2
    assert all(len(group) == 64 and group.isalnum() for group in groups)


def test_a_throttled_topic_loses_nothing(api: Api, database: Database, aws: Aws) -> None:
    _busy_outbox(api)
    publisher = SnsPublisher(aws.topic)
    relay = Relay(PostgresOutbox(database), publisher, runtime.meter())
    publisher._client = _Throttled(boto3.client("sns"), times=2)

    rounds = [relay.relay_once() for _ in range(4)]

    assert sum(rounds) == len(_outbox(database))
    assert rounds[-1] == 0
    assert _in_order(aws, database)


def test_entries_that_sns_refuses_go_out_later_in_their_order(api: Api, database: Database, aws: Aws) -> None:
    _busy_outbox(api)
    publisher = SnsPublisher(aws.topic)
    publisher._client = _RefusesEvery(boto3.client("sns"), nth=3)
    relay = Relay(PostgresOutbox(database), publisher, runtime.meter())

    for _ in range(20):
        relay.relay_once()

    assert all(row["published_at"] for row in _outbox(database))
    assert _in_order(aws, database)


def test_one_refused_group_does_not_hold_up_the_others(api: Api, database: Database) -> None:
    poisoned, *healthy = _busy_outbox(api)
    publisher = _Refusing(lambda event: event.group_id == poisoned)
    relay = Relay(PostgresOutbox(database), publisher, runtime.meter())

    relay.relay_once()

    assert {event.group_id for event in publisher.published} == set(healthy)
    assert {row["group_id"] for row in _outbox(database) if row["published_at"] is None} == {poisoned}


@pytest.mark.parametrize("seed", range(5))
def test_whatever_fails_each_group_keeps_its_order(api: Api, database: Database, seed: int) -> None:
    _busy_outbox(api)
    chance = random.Random(seed)
    publisher = _Refusing(lambda _: chance.random() < 0.4)
    relay = Relay(PostgresOutbox(database), publisher, runtime.meter())

    for _ in range(200):
        relay.relay_once()

    sent, expected = defaultdict(list), defaultdict(list)
    for event in publisher.published:
        sent[event.group_id].append(event.id)
    for row in _outbox(database):
        expected[row["group_id"]].append(row["event_id"])
    assert sent == expected


def test_a_relay_that_dies_before_it_marks_publishes_again_under_the_same_id(
    api: Api, database: Database, aws: Aws
) -> None:
    api.add_devices(1)
    api.allocate()
    client = _Recording(boto3.client("sns"))
    dying, next_one = SnsPublisher(aws.topic), SnsPublisher(aws.topic)
    dying._client = next_one._client = client

    with pytest.raises(_Killed):
        Relay(_DiesBeforeMarking(database), dying, runtime.meter()).relay_once()
    assert _outbox(database)[0]["published_at"] is None

    assert Relay(PostgresOutbox(database), next_one, runtime.meter()).relay_once() == 1
    first, again = client.entries
    assert again["MessageDeduplicationId"] == first["MessageDeduplicationId"]
    assert again["Message"] == first["Message"]


def test_of_two_relays_one_works(api: Api, database: Database, database_url: str) -> None:
    _busy_outbox(api)
    late = _Refusing(lambda _: False)
    with closing(Database(lambda: database_url)) as own:
        latecomer = Relay(PostgresOutbox(own), late, runtime.meter())

        def come_late(_: OutboxEvent) -> bool:
            assert latecomer.run(0.1) == 0
            return False

        first = _Refusing(come_late, times=3)
        assert Relay(PostgresOutbox(database), first, runtime.meter()).run(1.0) == len(_outbox(database))

    assert len(first.published) == len(_outbox(database))
    assert late.published == []


def test_the_lease_of_a_dead_relay_runs_out(database: Database, still_clock: Clock) -> None:
    outbox = PostgresOutbox(database)
    assert outbox.acquire_lease("dead", LEASE_SECONDS)
    assert outbox.acquire_lease("dead", LEASE_SECONDS), "its holder may prolong it"
    still_clock.advance(seconds=LEASE_SECONDS - 0.001)
    assert not outbox.acquire_lease("next", LEASE_SECONDS)

    still_clock.advance(seconds=0.001)
    assert outbox.acquire_lease("next", LEASE_SECONDS)
    assert not outbox.acquire_lease("dead", LEASE_SECONDS)


def test_more_than_one_reading_goes_out_in_the_end(api: Api, database: Database) -> None:
    database.call(
        "INSERT INTO outbox (type, subject, group_id, data, occurred_at)"
        " SELECT 'device.released', 'd', 'd-' || mod(n, 7), '{}', clock_timestamp() FROM generate_series(1, %(n)s) n",
        {"n": BATCH + 50},
    )
    publisher = _Refusing(lambda _: False)
    relay = Relay(PostgresOutbox(database), publisher, runtime.meter())

    assert [relay.relay_once() for _ in range(3)] == [BATCH, 50, 0]


def test_every_type_has_a_schema_and_every_schema_a_type() -> None:
    assert schema_types() == set(EventType)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda event: event.update(specversion="0.3"), id="another version"),
        pytest.param(lambda event: event.pop("id"), id="no id"),
        pytest.param(lambda event: event.update(id="event-1"), id="an id that is no UUID"),
        pytest.param(lambda event: event.update(time="yesterday"), id="no time"),
        pytest.param(lambda event: event.update(time="2026-03-02T10:15:00+01:00"), id="a time that is not UTC"),
        pytest.param(lambda event: event.update(adbHost="10.0.0.7"), id="a member too many"),
        pytest.param(lambda event: event["data"].pop("tenantId"), id="data without a tenant"),
        pytest.param(lambda event: event["data"].update(adbHost="10.0.0.7"), id="an address in the data"),
        pytest.param(lambda event: event["data"].update(userId=None), id="a user that is null"),
    ],
)
def test_the_schemas_are_strict(api: Api, database: Database, spoil: Callable[[dict[str, Any]], object]) -> None:
    one_event_of_each_type(api, database)

    for event in PostgresOutbox(database).oldest(100):
        envelope = event.envelope()
        assert faults(envelope) == []
        spoil(envelope)
        assert faults(envelope) != []


class _Refusing:
    """A publisher that keeps what it gets, and refuses what it is told to; it asks so many times, then never again."""

    def __init__(self, refuses: Callable[[OutboxEvent], bool], times: int = 10**9) -> None:
        self._refuses = refuses
        self._times = times
        self.published: list[OutboxEvent] = []

    def publish(self, events: Sequence[OutboxEvent]) -> Collection[int]:
        accepted = [event for event in events if not self._asked(event)]
        self.published += accepted
        return {event.position for event in accepted}

    def _asked(self, event: OutboxEvent) -> bool:
        self._times -= 1
        return self._times >= 0 and self._refuses(event)


class _Client:
    """An SNS client in the way of the real one."""

    def __init__(self, sns: Any) -> None:
        self._sns = sns

    def publish_batch(self, **request: Any) -> Any:
        return self._sns.publish_batch(**request)


class _Recording(_Client):
    """Keeps what was sent."""

    def __init__(self, sns: Any) -> None:
        super().__init__(sns)
        self.entries: list[dict[str, Any]] = []

    def publish_batch(self, **request: Any) -> Any:
        self.entries += request["PublishBatchRequestEntries"]
        return super().publish_batch(**request)


class _Throttled(_Client):
    """Refuses whole batches at first."""

    def __init__(self, sns: Any, times: int) -> None:
        super().__init__(sns)
        self._times = times

    def publish_batch(self, **request: Any) -> Any:
        if self._times:
            self._times -= 1
            raise ClientError({"Error": {"Code": "Throttled", "Message": "Rate exceeded"}}, "PublishBatch")
        return super().publish_batch(**request)


class _RefusesEvery(_Client):
    """Refuses every n-th entry, as a batch's answer tells it."""

    def __init__(self, sns: Any, nth: int) -> None:
        super().__init__(sns)
        self._nth = nth
        self._seen = 0

    def publish_batch(self, *, PublishBatchRequestEntries: list[Any], **request: Any) -> Any:  # noqa: N803  AWS's name
        kept, refused = [], []
        for entry in PublishBatchRequestEntries:
            self._seen += 1
            (kept if self._seen % self._nth else refused).append(entry)
        answer = super().publish_batch(PublishBatchRequestEntries=kept, **request) if kept else {}
        failed = [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in refused]
        return {**answer, "Failed": failed}


class _Killed(BaseException):
    """The process is gone."""


class _DiesBeforeMarking(PostgresOutbox):
    """An outbox whose relay is killed after it published."""

    def mark_published(self, positions: Sequence[int]) -> None:
        raise _Killed


def _outbox(database: Database) -> list[dict[str, Any]]:
    return database.rows("SELECT event_id::text, group_id, published_at FROM outbox ORDER BY id", {})


def _busy_outbox(api: Api) -> list[str]:
    """Fill the outbox with six events of each of five devices; give the devices."""
    device_ids = api.add_devices(5)
    for _ in range(3):
        for _ in device_ids:
            api.allocate()
        for device_id in device_ids:
            api.release(device_id)
    return device_ids


def _in_order(aws: Aws, database: Database) -> bool:
    """Tell whether each group's events arrived in the outbox's order, all of them."""
    sent, expected = defaultdict(list), defaultdict(list)
    for message in aws.receive(aws.all):
        sent[message["Attributes"]["MessageGroupId"]].append(json.loads(message["Body"])["id"])
    for row in _outbox(database):
        expected[row["group_id"]].append(row["event_id"])
    return sent == expected
