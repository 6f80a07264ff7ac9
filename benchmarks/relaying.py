"""The relay function in a process of its own, started again and again as in the local region, and a local SNS."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection

from benchmarks.crew import crew
from benchmarks.environment import as_environment
from benchmarks.requests import Context
from tools.embedded.aws import LocalAws, local_aws
from tools.repeating import repeating

EMPTIED_SECONDS = 1.0
"""After so long what came is taken from the queue, as consumers do: the local one is slower the more it holds."""
RUN_SECONDS = "5"
"""Of one invocation; the pause between two is then in the figures more often than in an account."""


@contextmanager
def relaying() -> Iterator[None]:
    """Relay from the environment's database to a FIFO topic with one queue that takes every event."""
    with local_aws() as aws:
        topic, queue = _topic(aws)
        environment = {
            "EVENTS_TOPIC_ARN": topic,
            "AWS_ENDPOINT_URL": aws.url,
            "RELAY_SECONDS": RUN_SECONDS,
        }
        empty = partial(aws.client("sqs").purge_queue, QueueUrl=queue)
        with crew(1, relay, environment), repeating(empty, EMPTIED_SECONDS):
            yield


def relay(orders: Connection, number: int, environment: Mapping[str, str]) -> None:  # noqa: ARG001
    """Be the relay until the line closes."""
    with as_environment(orders):
        os.environ.update(environment)
        from tools.handlers import load_function

        handler = load_function("relay").handler
        orders.send(0)
        while not orders.poll():
            handler({}, Context())


def _topic(aws: LocalAws) -> tuple[str, str]:
    """Make both; give the topic's ARN and the queue's URL."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic: str = sns.create_topic(
        Name="events.fifo", Attributes={"FifoTopic": "true", "FifoThroughputScope": "MessageGroup"}
    )["TopicArn"]
    queue = sqs.create_queue(QueueName="all.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    return topic, queue
