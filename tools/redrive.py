"""Send parked messages back to the queue they came from: `make redrive QUEUE=EventsIn`, once the cause is gone.

Consumers apply each event once, so that what had taken effect before changes nothing. The region and the account are
those of the AWS_ variables; for the local region export them from .local/env.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scheduler.adapters.aws.dead_letters import Queues, count_waiting, move_each
from tools.region import template
from tools.region.layout import STACK

LIMIT = 10_000
TASK_SECONDS = 600
_UNKNOWN_TO_EMULATORS = {"InvalidAction", "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"}
_ENDS = {"COMPLETED", "CANCELLED", "FAILED"}

type Tell = Callable[[int], None]
"""Told how many messages have been moved."""


class RedriveError(Exception):
    """The messages could not be moved; the text says why."""


def queue_names() -> list[str]:
    """Name the queues of template.yaml that park, as QUEUE names them."""
    resources = template.load()["Resources"]
    return sorted(
        name.removesuffix("Queue")
        for name, resource in resources.items()
        if resource["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" in resource["Properties"]
    )


def main(arguments: list[str] | None = None) -> int:
    """Move, show how far it is, and return the exit code."""
    names = queue_names()
    parser = argparse.ArgumentParser(prog="make redrive", description=__doc__)
    parser.add_argument("queue", nargs="?", default="", help=f"which queue: {', '.join(names)}")
    parser.add_argument("--stack", default=os.environ.get("STACK") or STACK, help="the stack's name (%(default)s)")
    parser.add_argument("--limit", type=int, default=LIMIT, help="move at most so many messages (%(default)s)")
    asked = parser.parse_args(arguments)
    if asked.queue not in names:
        return _fail(f"say which queue: make redrive QUEUE=…, one of {', '.join(names)}")
    if asked.limit < 1:
        return _fail("--limit must be 1 or more")
    try:
        queues = find_queues(_client("cloudformation"), asked.stack, asked.queue)
        moved = redrive_with_progress(_client("sqs"), queues, asked.limit)
    except RedriveError as error:
        return _fail(str(error))
    except (BotoCoreError, ClientError) as error:
        return _fail(f"AWS does not do it: {error}")
    print(f"{moved} messages went back to {asked.queue}Queue" if moved else f"{asked.queue}DeadLetters is empty")
    return 0


def find_queues(cloudformation: Any, stack: str, name: str) -> Queues:
    """Ask the stack for the URLs of a queue and of its dead letters."""
    found = [
        cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        for logical_id in (f"{name}DeadLetters", f"{name}Queue")
    ]
    parked, source = (answer["StackResourceDetail"]["PhysicalResourceId"] for answer in found)
    return Queues(parked, source)


def redrive_with_progress(sqs: Any, queues: Queues, limit: int) -> int:
    """Move and draw a bar."""
    waiting = min(count_waiting(sqs, queues.parked), limit)
    columns = (TextColumn("sending back"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=waiting)
        return redrive(sqs, queues, limit, lambda moved: progress.update(bar, completed=moved))


def redrive(sqs: Any, queues: Queues, limit: int, tell: Tell, pause: Callable[[float], None] = time.sleep) -> int:
    """Move up to `limit` messages; by SQS itself where all are to go and it can, else one by one.

    Raises:
        RedriveError: SQS gave up, or is not done in ten minutes.
    """
    waiting = count_waiting(sqs, queues.parked)
    if not 0 < waiting <= limit:
        return move_each(sqs, queues, limit, tell)
    parked, source = (_attribute(sqs, url, "QueueArn") for url in (queues.parked, queues.source))
    try:
        # Named, because what consume parked by itself came from no queue in the eyes of SQS.
        sqs.start_message_move_task(SourceArn=parked, DestinationArn=source)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNKNOWN_TO_EMULATORS:
            raise
        return move_each(sqs, queues, limit, tell)
    return _await_task(sqs, parked, tell, pause)


def _await_task(sqs: Any, parked: str, tell: Tell, pause: Callable[[float], None]) -> int:
    for _ in range(TASK_SECONDS):
        task = sqs.list_message_move_tasks(SourceArn=parked, MaxResults=1)["Results"][0]
        moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
        tell(moved)
        if task["Status"] == "COMPLETED":
            return moved
        if task["Status"] in _ENDS:
            raise RedriveError(f"SQS moved {moved} messages, then gave up: {task.get('FailureReason', task['Status'])}")
        pause(1)
    raise RedriveError(f"SQS is still moving after {TASK_SECONDS} s; see aws sqs list-message-move-tasks")


def _attribute(sqs: Any, url: str, name: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def _client(service: str) -> Any:
    make: Any = boto3.client  # its stub knows no service by a variable name
    return make(service, config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3}))


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
