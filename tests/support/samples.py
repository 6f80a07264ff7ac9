"""Runs the sample events of every function on real parts, with the order and the answers of the table in sam_local."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

from scheduler.settings import settings
from tests.support.api import Context
from tests.support.sessions import administrator
from tools.embedded import ValkeyServer
from tools.handlers import load_function
from tools.neighbours.user_service import user_service
from tools.sam_local.answers import mismatches, parse_answer
from tools.sam_local.cases import CASES

_EVENTS = Path(__file__).parents[2] / "events"
_AHEAD = (
    "CREATE OR REPLACE FUNCTION scheduler_clock() RETURNS timestamptz LANGUAGE sql VOLATILE"
    " AS $$ SELECT clock_timestamp() + interval '{} seconds' $$"
)


class UnhurriedContext(Context):
    """That of a function with a long timeout."""

    def get_remaining_time_in_millis(self) -> int:
        """Tell that a minute is left."""
        return 60_000


type OwnVariables = Mapping[str, Mapping[str, str]]
"""What single functions have in their environment besides what all have, by logical id."""


@contextmanager
def neighbourhood(environment: pytest.MonkeyPatch, cache: ValkeyServer) -> Iterator[OwnVariables]:
    """All that functions talk to besides Postgres, wired as sam_local wires it: Valkey, a user service, queues."""
    environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    environment.setenv("AWS_ACCESS_KEY_ID", "testing")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    environment.setenv("REDIS_HOST", "127.0.0.1")
    environment.setenv("REDIS_PORT", str(cache.port))
    with mock_aws(), user_service() as neighbour:
        topic = boto3.client("sns").create_topic(Name="events.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        environment.setenv("EVENTS_TOPIC_ARN", topic)
        environment.setenv("RELAY_SECONDS", "1")
        environment.setenv("WEBHOOK_SECONDS", "0")
        yield {
            "DeliverFunction": {"USER_SERVICE_URL": neighbour.url, "SERVICE_TOKEN_SECRET": neighbour.secret},
            "InterveneFunction": {"DEAD_LETTERS": f"EventsIn={_queue('parked', '{}')},{_queue('in')}"},
        }


def _queue(name: str, *messages: str) -> str:
    sqs = boto3.client("sqs")
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    for message in messages:
        sqs.send_message(QueueUrl=url, MessageBody=message)
    return url


@contextmanager
def _environment_of(function: str, own: OwnVariables) -> Iterator[None]:
    """Let the functions, which share this process, read their own variables."""
    with patch.dict(os.environ, own.get(function, {})):
        settings.cache_clear()
        yield
    settings.cache_clear()


def run_samples(database_url: str, own: OwnVariables, without: Collection[str] = ()) -> set[str]:
    """Send every sample event to its function and hold its answer against the table; tell which functions ran."""
    ran = set()
    for case in CASES:
        name = case.function.removesuffix("Function").lower()
        if name in without:
            continue
        if case.ahead:
            with administrator(database_url) as session, session.cursor() as cursor:
                cursor.execute(_AHEAD.format(case.ahead.total_seconds()))
        event = json.loads((_EVENTS / case.event).read_text())
        with _environment_of(case.function, own):
            answer = parse_answer(json.dumps(load_function(name).handler(event, UnhurriedContext())))
        problems = mismatches(answer, case.expected)
        assert not problems, f"{case.event}: {problems}"
        ran.add(name)
    return ran
