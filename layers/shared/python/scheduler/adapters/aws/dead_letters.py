"""Sends parked messages back to the SQS queues they came from."""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scheduler.domain.errors import Unavailable
from scheduler.ports.dead_letters import Redriven

logger = logging.getLogger(__name__)

PAGE = 10
MOST_SECONDS = 15
"""One call moves no longer: API Gateway waits 30 s."""


@dataclass(frozen=True)
class Queues:
    """The two queues, by URL."""

    parked: str
    source: str


class SqsDeadLetters:
    """Moves one by one: SQS' own task cannot be bounded, and is one at a time a queue."""

    def __init__(self, queues: Mapping[str, Queues]) -> None:
        """Take the queues by name."""
        self._queues = queues

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client("sqs", config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}))

    def waiting(self) -> Mapping[str, int]:
        """Ask each queue."""
        with _telling_failures():
            return {name: count_waiting(self._client, self._queues[name].parked) for name in sorted(self._queues)}

    def known(self, name: str) -> bool:
        """Look it up."""
        return name in self._queues

    def redrive(self, name: str, limit: int) -> Redriven:
        """Move until none is left, `limit` are moved, or the time is over."""
        queues = self._queues[name]
        until = time.monotonic() + MOST_SECONDS
        with _telling_failures():
            moved = move_each(self._client, queues, limit, goes_on=lambda: time.monotonic() < until)
            return Redriven(moved, count_waiting(self._client, queues.parked))


def move_each(
    sqs: Any,
    queues: Queues,
    limit: int,
    tell: Callable[[int], None] = lambda _: None,
    goes_on: Callable[[], bool] = lambda: True,
) -> int:
    """Send, then delete: dying in between sends one twice, which its consumer takes for the same."""
    moved = 0
    for message in _messages(sqs, queues.parked, limit):
        sqs.send_message(QueueUrl=queues.source, **_copy(message))
        sqs.delete_message(QueueUrl=queues.parked, ReceiptHandle=message["ReceiptHandle"])
        moved += 1
        tell(moved)
        if not goes_on():
            break
    return moved


def count_waiting(sqs: Any, url: str) -> int:
    """Tell about how many messages lie in a queue."""
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def _messages(sqs: Any, url: str, limit: int) -> Iterator[Mapping[str, Any]]:
    given = 0
    while given < limit:
        page = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(PAGE, limit - given),
            VisibilityTimeout=60,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["MessageGroupId"],
        ).get("Messages", [])
        if not page:
            return
        yield from page
        given += len(page)


def _copy(message: Mapping[str, Any]) -> dict[str, Any]:
    """Give the message as it was sent; under a new deduplication id, or SQS would drop what it saw minutes ago."""
    attributes = {
        name: {kind: value for kind, value in attribute.items() if kind in {"DataType", "StringValue", "BinaryValue"}}
        for name, attribute in message.get("MessageAttributes", {}).items()
        if name != "reason"
    }
    group = message.get("Attributes", {}).get("MessageGroupId")
    ordered = {"MessageGroupId": group, "MessageDeduplicationId": str(uuid.uuid4())} if group else {}
    return {"MessageBody": message["Body"], "MessageAttributes": attributes, **ordered}


@contextmanager
def _telling_failures() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        logger.warning("degraded", extra={"part": "sqs", "reason": type(error).__name__})
        raise Unavailable("A queue does not answer") from error
