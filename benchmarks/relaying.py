"""The relay function in a process of its own, started again and again as in the local region, and a local SNS."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection

from benchmarks.crew import crew
from benchmarks.environment import as_environment
from benchmarks.requests import Context
from tools.embedded.aws import LocalAws, local_aws

EMPTIED_SECONDS = 1.0
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
        with crew(1, relay, environment), _emptied(aws, queue):
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


@contextmanager
def _emptied(aws: LocalAws, queue: str) -> Iterator[None]:
    """Take from the queue what came, as consumers do: the local one is slower the more it holds."""
    done = threading.Event()

    def empty() -> None:
        sqs = aws.client("sqs")
        while not done.wait(EMPTIED_SECONDS):
            sqs.purge_queue(QueueUrl=queue)

    thread = threading.Thread(target=empty, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


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
