"""The entry of functions that SQS FIFO queues call: each record is one event, and only failed ones come back."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.domain.errors import Unavailable
from scheduler.domain.incoming import Message
from scheduler.edge.smoke import answering_smoke
from scheduler.edge.telemetry import invocation

type Event = Mapping[str, Any]
type QueueHandler = Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]

LONGEST_RECORD_SECONDS = 15.0
"""A quota read (5 s) and a silent database (10 s): none is begun that could get the whole batch stopped."""
SPARE_SECONDS = 3.0
"""Kept back to say which records failed before the function is stopped."""

logger = logging.getLogger(__name__)
_ends_at = float("inf")


def seconds_left() -> float:
    """Tell how long the running invocation may still work on its records; 0 when that is over."""
    return max(_ends_at - time.monotonic(), 0.0)


def consuming(apply: Callable[[Event], None]) -> QueueHandler:
    """Make a handler that applies the CloudEvent of each record, and reports the failed records to SQS."""
    return _record_by_record(lambda record: apply(_event(record)))


def receiving(take: Callable[[Message], None]) -> QueueHandler:
    """Make a handler that hands over each record unread, and reports the failed records to SQS."""

    def take_record(record: SQSRecord) -> None:
        if seconds_left() < LONGEST_RECORD_SECONDS:
            raise Unavailable("No time is left")
        take(_message(record))

    return _record_by_record(take_record)


def _record_by_record(work: Callable[[SQSRecord], None]) -> QueueHandler:
    """Work through a batch. After a failed record the later ones of its message group are not tried; others are."""

    def on_record(record: SQSRecord) -> None:
        try:
            work(record)
        except Exception as error:
            facts = {"messageId": record.message_id, "error": type(error).__name__, "reason": _reason(error)}
            logger.warning("event not applied", extra=facts)
            raise

    def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        global _ends_at  # noqa: PLW0603  one invocation at a time is what Lambda promises
        _ends_at = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS
        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        # A batch of failures is an answer like any other: each was logged, and the queue counts and parks them.
        processor.raise_on_entire_batch_failure = False
        with invocation(event, context):
            return process_partial_response(event, on_record, processor, context)

    return answering_smoke(handler)


def _reason(error: Exception) -> str:
    """Give an error's text where it is ours: others quote what they could not read."""
    return str(error) if type(error).__module__.startswith("scheduler.") else ""


def _event(record: SQSRecord) -> Event:
    event = json.loads(record.body)
    if not isinstance(event, dict):
        raise ValueError("the record is no event")
    return event


def _message(record: SQSRecord) -> Message:
    told = record.attributes
    sent = told.sent_timestamp
    return Message(
        id=record.message_id,
        body=record.body,
        sent_at=datetime.fromtimestamp(int(sent) / 1000, UTC) if sent else datetime.now(UTC),
        group_id=told.message_group_id or record.message_id,
    )
