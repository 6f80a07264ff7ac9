"""Parks messages in an SQS FIFO queue."""

import logging
from functools import cached_property
from typing import Any

from scheduler.domain.errors import Unavailable
from scheduler.domain.incoming import Message

logger = logging.getLogger(__name__)


class SqsParking:
    """Sends a message on as it is, with why it is there in the attribute `reason`."""

    def __init__(self, queue_url: str) -> None:
        """Park in one queue."""
        self._queue_url = queue_url

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client("sqs", config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}))

    def park(self, message: Message, reason: str) -> None:
        """Keep a message in its group; parking it twice within minutes is once.

        Raises:
            Unavailable: The queue did not take it.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=message.body,
                MessageGroupId=message.group_id,
                MessageDeduplicationId=message.id,
                MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
            )
        except (BotoCoreError, ClientError) as error:
            logger.warning("degraded", extra={"part": "sqs", "reason": type(error).__name__})
            raise Unavailable("The event could not be parked") from error
