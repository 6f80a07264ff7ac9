"""What the functions talk to, run for them and reachable from containers."""

import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from tools.embedded import postgres, valkey
from tools.embedded.aws import LocalAws, local_aws
from tools.neighbours.user_service import UserService, user_service
from tools.sam_local.forwarder import forwarded
from tools.sam_local.topic import Topic

_DATABASE = "scheduler"
_RELAY_SECONDS = 2
EVERY_FUNCTION = "Parameters"
"""SAM's word for the variables of all functions."""


@dataclass(frozen=True)
class Services:
    """What runs, and the variables that lead the functions to it, by logical id or for EVERY_FUNCTION."""

    environments: Mapping[str, Mapping[str, str]]
    _database_url: str
    _topic: Topic
    _users: UserService

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

    def published(self) -> Mapping[str, int]:
        """Count by type the events that were published since the last call."""
        return Counter(self._topic.take_types())

    def told_usage(self) -> list[Mapping[str, Any]]:
        """Return the changes of usage that the user service was told."""
        return list(self._users.books.usage()["applied"])


@contextmanager
def services(host_address: str) -> Iterator[Services]:
    """Run everything during the block. Containers reach it at `host_address`, by forwarders on that address only."""
    with ExitStack() as stack:
        cache_password, token_secret = secrets.token_urlsafe(16), secrets.token_hex(32)
        database, cache = stack.enter_context(postgres()), stack.enter_context(valkey(password=cache_password))
        aws, users = stack.enter_context(local_aws()), stack.enter_context(user_service(secret=token_secret))
        database_port, cache_port, aws_port, users_port = (
            stack.enter_context(forwarded(host_address, port))
            for port in (database.port, cache.port, aws.port, users.server_port)
        )
        topic = Topic(aws)
        database_url = database.create_database(_DATABASE)
        everywhere = {
            **_database_variables(aws, database_url),
            "DB_HOST": host_address,
            "DB_PORT": str(database_port),
            "DB_IAM_AUTH": "false",  # as with a database that is given
            "DB_SSL_MODE": "prefer",
            "REDIS_HOST": host_address,
            "REDIS_PORT": str(cache_port),
            "REDIS_TLS": "false",
            "REDIS_SECRET_ID": aws.keep_secret("cache", cache_password),
            "EVENTS_TOPIC_ARN": topic.arn,
            "RELAY_SECONDS": str(_RELAY_SECONDS),
            "WEBHOOK_SECONDS": "1",
            "AWS_ENDPOINT_URL": (endpoint := f"http://{host_address}:{aws_port}"),
        }
        # Only here: quotas come from the built-in plans, as they do where there is no user service.
        delivering = {
            "USER_SERVICE_URL": f"http://{host_address}:{users_port}",
            "SERVICE_TOKEN_SECRET_ID": aws.keep_secret("service-token", token_secret),
        }
        intervening = {
            "DEAD_LETTERS": f"EventsIn={_queue(aws, endpoint, 'parked', '{}')},{_queue(aws, endpoint, 'in')}"
        }
        environments = {
            EVERY_FUNCTION: everywhere,
            "DeliverFunction": delivering,
            "InterveneFunction": intervening,
        }
        yield Services(environments, database_url, topic, users)


def _queue(aws: LocalAws, endpoint: str, name: str, *messages: str) -> str:
    """Create a queue with messages; return its URL as a container reaches it."""
    sqs = aws.client("sqs")
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    for message in messages:
        sqs.send_message(QueueUrl=url, MessageBody=message)
    return f"{endpoint}{urlsplit(url).path}"


def _database_variables(aws: LocalAws, url: str) -> dict[str, str]:
    """Return the variables as a deployment has them: the parts of the URL, and a secret."""
    parts = urlsplit(url)
    login = json.dumps({"username": parts.username, "password": parts.password})
    return {"DATABASE_URL": "", "DB_DATABASE": _DATABASE, "DB_SECRET_ID": aws.keep_secret("database", login)}
