"""The way of events out during a run: a FIFO topic and its queues, who reads them, and what calls the deliver function.

All as template.yaml says, on MiniStack. That keeps the order of a message group while one of its messages is in flight,
counts receives, and parks in the dead letter queue what came back too often. Two things differ from AWS: it parks a
message at the first look at the queue after its last allowed receive, not at one more receive (which comes to the
same); and a queue does not drop duplicates that a topic sends it, only the topic does.
"""

import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from tests.fault.history import Received
from tests.fault.sns_gateway import SnsGateway, sns_gateway
from tools.embedded.aws import REGION, LocalAws
from tools.region import template

type Deliver = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Takes an SQS event, gives the function's answer; None when the function died or failed as a whole."""

_IDLE_SECONDS = 0.05
_MOST_RECENT = 1000
_THREAD_END_SECONDS = 90.0
_MOST_PAGES = 1000
_POLL_SECONDS = 0.02


class EventSide:
    """A topic, the usage queue with its dead letters, and a queue that gets everything; each run has its own."""

    def __init__(self, aws: LocalAws, gateway: SnsGateway, visibility_seconds: int) -> None:
        """Create them. What is not deleted in time comes back after `visibility_seconds`."""
        self.gateway = gateway
        self.endpoint_url = gateway.url
        """Where the relay finds SNS."""
        self.received: list[Received] = []
        """Everything in the order in which it came, redeliveries too."""
        self._sns, self.sqs = aws.client("sns"), aws.client("sqs")
        self._recent: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._parked: list[str] = []
        run, parts = uuid.uuid4().hex[:12], template.load()["Resources"]
        fifo = {"FifoTopic": "true", "FifoThroughputScope": parts["EventsTopic"]["Properties"]["FifoThroughputScope"]}
        self.topic_arn: str = self._sns.create_topic(Name=f"events-{run}.fifo", Attributes=fifo)["TopicArn"]
        self.all_url = self._queue(f"all-{run}", {})
        self.dead_url = self._queue(f"usage-dead-{run}", {})
        usage, subscription = parts["UsageQueue"]["Properties"], parts["UsageSubscription"]["Properties"]
        redrive = usage["RedrivePolicy"] | {"deadLetterTargetArn": self._arn(self.dead_url)}
        self.usage_url = self._queue(
            f"usage-{run}",
            {
                "VisibilityTimeout": str(visibility_seconds),
                "RedrivePolicy": json.dumps(redrive),
                "DeduplicationScope": usage["DeduplicationScope"],
                "FifoThroughputLimit": usage["FifoThroughputLimit"],
            },
        )
        raw = {"RawMessageDelivery": json.dumps(subscription["RawMessageDelivery"])}
        chosen = raw | {"FilterPolicy": json.dumps(subscription["FilterPolicy"])}
        for queue, how in ((self.all_url, raw), (self.usage_url, chosen)):
            self._sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=self._arn(queue), Attributes=how)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read everything into `received` during the `with` block."""
        with _threads(self._read, 1):
            yield

    @contextmanager
    def mapping(self, deliver: Deliver, pollers: int = 1) -> Iterator["EventSourceMapping"]:
        """Bring the usage queue to `deliver` during the `with` block."""
        source = EventSourceMapping(self, deliver)
        with _threads(source.poll, pollers):
            yield source

    def send_again(self, event_id: str) -> None:
        """Publish one of the last 1,000 received events as after the five minutes of deduplication.

        Raises:
            KeyError: It is not among them.
        """
        message = self._recent[event_id]
        self._sns.publish(
            TopicArn=self.topic_arn,
            Message=message["Body"],
            MessageGroupId=message["Attributes"]["MessageGroupId"],
            MessageDeduplicationId=uuid.uuid4().hex,
            MessageAttributes={"type": _type(message)},
        )

    def send_poison(self, body: str, group: str, event_type: str = "device.allocated") -> None:
        """Publish what is no event, past the gateway."""
        self._sns.publish(
            TopicArn=self.topic_arn,
            Message=body,
            MessageGroupId=group,
            MessageDeduplicationId=uuid.uuid4().hex,
            MessageAttributes={"type": {"DataType": "String", "StringValue": event_type}},
        )

    def drained(self, with_usage: bool = True) -> bool:
        """Tell whether the reader, and if asked the mapping, have come to the end of their queues."""
        return not self.left(self.all_url) and not (with_usage and self.left(self.usage_url))

    def drain(self, timeout: float, with_usage: bool = False) -> bool:
        """Wait until it is drained; tell whether it came to that within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not (drained := self.drained(with_usage)) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return drained

    def left(self, queue_url: str) -> int:
        """Count the messages of a queue, those in flight too."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def parked(self) -> list[str]:
        """Give the ids of all events that were parked, or the texts of what is no event."""
        for _ in range(_MOST_PAGES):
            messages = self.receive(self.dead_url, 10)
            if not messages:
                break
            self._parked += [_event(message).get("id", message["Body"]) for message in messages]
            self.delete(self.dead_url, messages)
        return list(self._parked)

    def receive(self, queue_url: str, most: int) -> list[dict[str, Any]]:
        """Take up to `most` messages off a queue, for the time of its visibility timeout."""
        page = self.sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=most,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = page.get("Messages", [])
        return found

    def delete(self, queue_url: str, messages: list[dict[str, Any]]) -> None:
        """Delete up to ten messages."""
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        if entries:
            self.sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)

    def close(self) -> None:
        """Remove everything again."""
        self._sns.delete_topic(TopicArn=self.topic_arn)
        for queue in (self.all_url, self.usage_url, self.dead_url):
            self.sqs.delete_queue(QueueUrl=queue)
        self._sns.close()
        self.sqs.close()

    def _read(self, closing: threading.Event) -> None:
        while not closing.is_set():
            messages = self.receive(self.all_url, 10)
            for message in messages:
                event = _event(message)
                self._recent[event.get("id", "")] = message
                if len(self._recent) > _MOST_RECENT:
                    self._recent.popitem(last=False)
                self.received.append(
                    Received(
                        place=len(self.received),
                        event_id=event.get("id", ""),
                        type=_type(message)["StringValue"],
                        group=message["Attributes"]["MessageGroupId"],
                        data=event.get("data", {}),
                    )
                )
            self.delete(self.all_url, messages)  # after they were noted: an empty queue means that all are
            if not messages:
                closing.wait(_IDLE_SECONDS)

    def _queue(self, name: str, attributes: dict[str, str]) -> str:
        fifo = {"FifoQueue": "true"} | attributes
        return str(self.sqs.create_queue(QueueName=f"{name}.fifo", Attributes=fifo)["QueueUrl"])

    def _arn(self, queue_url: str) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])


class EventSourceMapping:
    """Calls the deliver function as Lambda does for a FIFO queue.

    What the answer does not name as failed is deleted; the rest comes back after the visibility timeout, and until then
    holds up its message groups. An answer that names something unknown fails the whole batch, as a death does.
    """

    def __init__(self, events: EventSide, deliver: Deliver) -> None:
        """Take the queue's side and the function."""
        self._events = events
        self._deliver = deliver
        properties = template.load()["Resources"]["DeliverFunction"]["Properties"]["Events"]
        (source,) = (event["Properties"] for event in properties.values() if event["Type"] == "SQS")
        self._batch_size = int(source["BatchSize"])
        self._arn = f"arn:aws:sqs:{REGION}:123456789012:{events.usage_url.rsplit('/', 1)[1]}"

    def poll(self, closing: threading.Event) -> None:
        """Deliver batch by batch until `closing`."""
        while not closing.is_set():
            messages = self._events.receive(self._events.usage_url, self._batch_size)
            if messages:
                answer = self._deliver({"Records": [self._record(message) for message in messages]})
                self._events.delete(self._events.usage_url, succeeded(messages, answer))
            else:
                closing.wait(_IDLE_SECONDS)

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: {
                    "stringValue": value["StringValue"],
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": value["DataType"],
                }
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": REGION,
        }


def succeeded(messages: list[dict[str, Any]], answer: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Give the messages of a batch that its function's answer lets go."""
    if answer is None:
        return []
    failed = {failure.get("itemIdentifier") for failure in answer.get("batchItemFailures") or ()}
    if not failed <= {message["MessageId"] for message in messages}:
        return []
    return [message for message in messages if message["MessageId"] not in failed]


@contextmanager
def event_side(aws: LocalAws, *, visibility_seconds: int = 5, seed: int = 0) -> Iterator[EventSide]:
    """Set up the topic and its queues for the time of the `with` block, with a gateway in front of SNS."""
    with ExitStack() as parts:
        gateway = parts.enter_context(sns_gateway(aws.url, seed))
        events = EventSide(aws, gateway, visibility_seconds)
        parts.callback(events.close)
        yield events


@contextmanager
def _threads(work: Callable[[threading.Event], None], count: int) -> Iterator[None]:
    """Run `work` in threads until the end of the block; what broke one is raised there."""
    closing, broken = threading.Event(), list[Exception]()

    def run() -> None:
        try:
            work(closing)
        except Exception as error:
            broken.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        closing.set()
        deadline = time.monotonic() + _THREAD_END_SECONDS
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
    if broken:
        raise broken[0]


def _type(message: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = message["MessageAttributes"]["type"]
    return {"DataType": found["DataType"], "StringValue": found["StringValue"]}


def _event(message: dict[str, Any]) -> dict[str, Any]:
    """Read an event; empty when it is none."""
    with suppress(ValueError):
        event = json.loads(message["Body"])
        if isinstance(event, dict):
            return event
    return {}
