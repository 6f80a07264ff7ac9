"""What the functions talk to: Postgres, Valkey and a local SNS, SQS and Secrets Manager, reachable from containers."""

import secrets
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2

from tools.embedded import EmbeddedServer, free_port, postgres, valkey
from tools.sam_local.forwarder import forwarded

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REGION = "eu-central-1"
ACCOUNT = "123456789012"
_DATABASE = "scheduler"
_RELAY_SECONDS = 2
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
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
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


@dataclass(frozen=True)
class Services:
    """What runs, and the environment that leads a container to it."""

    environment: Mapping[str, str]
    _database_url: str
    _sqs: "SQSClient"
    _queue_url: str

    def set_clock_ahead(self, ahead: timedelta) -> None:
        """Let the database's clock, the only one that decides what is due, run ahead: hours pass without waiting."""
        connection = psycopg2.connect(self._database_url, connect_timeout=5)
        try:
            connection.autocommit = True
            connection.cursor().execute(
                "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE"
                f" AS $$ SELECT clock_timestamp() + interval '{ahead.total_seconds()} seconds' $$"
            )
        finally:
            connection.close()

    def published_types(self) -> list[str]:
        """Take the events that reached the queue behind the topic, and return their `type` attributes in order."""
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
def services(host_address: str) -> Iterator[Services]:
    """Run everything during the block. Containers reach it at `host_address`, by forwarders on that address only."""
    with ExitStack() as stack:
        password = secrets.token_urlsafe(16)
        database = stack.enter_context(postgres())
        cache = stack.enter_context(valkey(password=password))
        aws = stack.enter_context(_local_aws())
        near = {server: stack.enter_context(forwarded(host_address, server.port)) for server in (database, cache, aws)}
        sns, sqs, vault = (_client(name, aws.url) for name in ("sns", "sqs", "secretsmanager"))
        topic, queue_url = _topic_with_queue(sns, sqs)
        database_url = database.create_database(_DATABASE)
        environment = {
            "DATABASE_URL": database_url.replace(f"127.0.0.1:{database.port}", f"{host_address}:{near[database]}"),
            "REDIS_HOST": host_address,
            "REDIS_PORT": str(near[cache]),
            "REDIS_TLS": "false",
            "REDIS_CLUSTER": "false",
            "REDIS_SECRET_ID": vault.create_secret(Name="cache", SecretString=password)["Name"],
            "EVENTS_TOPIC_ARN": topic,
            "RELAY_SECONDS": str(_RELAY_SECONDS),
            "AWS_ENDPOINT_URL": f"http://{host_address}:{near[aws]}",
        }
        yield Services(environment, database_url, sqs, queue_url)


@contextmanager
def _local_aws() -> Iterator[LocalAws]:
    folder = Path(tempfile.mkdtemp(prefix="scheduler-aws-"))
    server = LocalAws(free_port(), folder / "server.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _client(service: str, endpoint: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service, region_name=REGION, endpoint_url=endpoint, aws_access_key_id="local", aws_secret_access_key="local"
    )


def _topic_with_queue(sns: Any, sqs: Any) -> tuple[str, str]:
    """Create the topic and a queue that receives all that is published to it; return the ARN and the URL."""
    topic = sns.create_topic(Name="scheduler-events.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    queue_url = sqs.create_queue(QueueName="published.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"], Attributes={"RawMessageDelivery": "true"}
    )
    return topic, queue_url
