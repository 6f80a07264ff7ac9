"""Publishes events to the SNS FIFO topic."""

import hashlib
import json
import logging
import re
from collections.abc import Collection, Sequence
from typing import Any

from scheduler.domain.events import OutboxEvent

logger = logging.getLogger(__name__)

_GROUP = re.compile(r"[!-~]{1,128}")
"""What SNS takes as a message group id: printable ASCII without spaces, up to 128 characters."""


class SnsPublisher:
    """Sends batches, from any thread; what SNS does not confirm counts as not sent."""

    def __init__(self, topic_arn: str, at_once: int = 1) -> None:
        """Publish to one FIFO topic, `at_once` batches at a time."""
        import boto3
        from botocore.config import Config

        self._topic_arn = topic_arn
        # One try, well within the relay's lease: its next round tries again.
        config = Config(
            connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1}, max_pool_connections=at_once
        )
        # Threads may share a client, but not make one: it is made here.
        self._client: Any = boto3.client("sns", config=config)

    def publish(self, events: Sequence[OutboxEvent]) -> Collection[int]:
        """Publish up to ten events of different groups; give the positions of those that went out."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._client.publish_batch(
                TopicArn=self._topic_arn, PublishBatchRequestEntries=[_entry(event) for event in events]
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("degraded", extra={"part": "sns", "reason": type(error).__name__})
            return frozenset()
        return frozenset(int(entry["Id"]) for entry in answer.get("Successful", []))


def _entry(event: OutboxEvent) -> dict[str, Any]:
    return {
        "Id": str(event.position),
        "Message": json.dumps(event.envelope(), separators=(",", ":")),
        "MessageGroupId": group_of(event),
        "MessageDeduplicationId": event.id,
        "MessageAttributes": {"type": {"DataType": "String", "StringValue": event.type}},
    }


def group_of(event: OutboxEvent) -> str:
    """Give the message group: the event's own, or its digest where SNS would refuse it."""
    if _GROUP.fullmatch(event.group_id):
        return event.group_id
    return hashlib.sha256(event.group_id.encode()).hexdigest()
