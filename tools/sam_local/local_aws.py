"""A local SNS, SQS and Secrets Manager."""

import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from tools.embedded import EmbeddedServer, free_port

REGION = "eu-central-1"
_ACCOUNT = "123456789012"
_ANSWER_SECONDS = 2
_MAX_PAGES = 20


class LocalAws(EmbeddedServer):
    """MiniStack with the few services that the functions use."""

    name = "MiniStack"

    def command(self) -> list[str]:
        """Return the program, kept to the loopback address and away from the docker engine."""
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "SERVICES": "sns,sqs,secretsmanager",
            "IOT_MTLS_ENABLED": "0",  # it would listen on every address
            "MINISTACK_ACCOUNT_ID": _ACCOUNT,
            "MINISTACK_REGION": REGION,
            "DOCKER_HOST": "unix:///nonexistent",  # it removes containers that it takes for its own
        }
        return ["env", *(f"{name}={value}" for name, value in settings.items()), sys.executable, "-m", "ministack"]

    def answers(self) -> bool:
        """Tell whether its health page answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=_ANSWER_SECONDS):
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    @property
    def url(self) -> str:
        """Endpoint URL of every service."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        """Return a boto3 client of one service."""
        make: Any = boto3.client  # its stub knows no service by a variable name
        return make(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="local", aws_secret_access_key="local"
        )

    def keep_secret(self, name: str, value: str) -> str:
        """Store a secret and return its id."""
        self.client("secretsmanager").create_secret(Name=name, SecretString=value)
        return name


class Topic:
    """A FIFO topic, and a queue that receives all that is published to it."""

    def __init__(self, aws: LocalAws) -> None:
        """Create both."""
        sns, self._sqs = aws.client("sns"), aws.client("sqs")
        self._queue_url = self._sqs.create_queue(QueueName="published.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        queue = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])["Attributes"]
        self.arn: str = sns.create_topic(Name="events.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        raw = {"RawMessageDelivery": "true"}
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=queue["QueueArn"], Attributes=raw)

    def take_types(self) -> list[str]:
        """Take what reached the queue, and return the `type` attributes in order."""
        types: list[str] = []
        for _ in range(_MAX_PAGES):
            page = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["type"]
            )
            messages = page.get("Messages", [])
            if not messages:
                break
            for message in messages:
                types.append(message["MessageAttributes"]["type"]["StringValue"])
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        return types


@contextmanager
def local_aws() -> Iterator[LocalAws]:
    """Run it for the time of the `with` block."""
    folder = Path(tempfile.mkdtemp(prefix="scheduler-aws-"))
    server = LocalAws(free_port(), folder / "server.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
