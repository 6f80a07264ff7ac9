"""Operators see what is parked and send it back, so many at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from scheduler.adapters.aws import dead_letters
from tests.support.api import OPERATOR, Api

FIFO = {"FifoQueue": "true"}
REDRIVE = "/scheduler/dlqs/EventsIn/redrive"


@dataclass
class Two:
    """A queue and its dead letters."""

    sqs: Any = field(repr=False)
    parked: str
    source: str

    def park(self, count: int) -> None:
        for number in range(count):
            self.sqs.send_message(
                QueueUrl=self.parked,
                MessageBody=f"event-{number}",
                MessageGroupId="acme|alice",
                MessageDeduplicationId=f"event-{number}",
                MessageAttributes={"reason": {"DataType": "String", "StringValue": "unknown type"}},
            )

    def returned(self) -> list[Any]:
        return list(
            self.sqs.receive_message(
                QueueUrl=self.source,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["MessageGroupId"],
            ).get("Messages", [])
        )


@pytest.fixture
def queues(environment: pytest.MonkeyPatch) -> Iterator[Two]:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        environment.setenv(name, value)
    with mock_aws():
        sqs = boto3.client("sqs")
        parked, source = (
            sqs.create_queue(QueueName=f"{name}.fifo", Attributes=FIFO)["QueueUrl"] for name in ("dead", "events-in")
        )
        environment.setenv("DEAD_LETTERS", f"EventsIn={parked},{source}")
        yield Two(sqs, parked, source)


def test_what_is_parked_is_counted_and_sent_back_as_it_was(api: Api, queues: Two) -> None:
    queues.park(3)

    assert api.get("/scheduler/dlqs", OPERATOR).data == [{"name": "EventsIn", "waiting": 3}]
    assert api.post(REDRIVE, OPERATOR).data == {"name": "EventsIn", "moved": 3, "left": 0}

    returned = queues.returned()
    assert [message["Body"] for message in returned] == ["event-0", "event-1", "event-2"]
    assert {message["Attributes"]["MessageGroupId"] for message in returned} == {"acme|alice"}
    assert all("reason" not in message.get("MessageAttributes", {}) for message in returned)


def test_no_more_are_sent_back_than_asked_for(api: Api, queues: Two) -> None:
    queues.park(3)

    assert api.post(REDRIVE, OPERATOR, {"limit": 2}).data == {"name": "EventsIn", "moved": 2, "left": 1}
    assert api.post(REDRIVE, OPERATOR, {"limit": 2}).data == {"name": "EventsIn", "moved": 1, "left": 0}
    assert api.post(REDRIVE, OPERATOR, {"limit": 501}).status == 422


def test_each_redrive_is_in_the_audit_log(api: Api, queues: Two) -> None:
    queues.park(1)
    for limit in (5, 5):
        api.post(REDRIVE, OPERATOR, {"limit": limit})

    entries = api.get("/scheduler/audit-log", OPERATOR, entity="dead_letters").data

    assert [(entry["entityId"], entry["act"], entry["operator"]) for entry in entries] == [
        ("EventsIn", "update", "night-shift"),
        ("EventsIn", "insert", "night-shift"),
    ]
    assert entries[1]["after"]["most"] == 5


def test_a_call_ends_in_time(api: Api, queues: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    queues.park(3)
    monkeypatch.setattr(dead_letters, "MOST_SECONDS", -1)

    assert api.post(REDRIVE, OPERATOR).data["moved"] == 1


def test_a_repeated_request_is_told_what_the_first_one_did(api: Api, queues: Two) -> None:
    queues.park(2)
    first = api.post(REDRIVE, OPERATOR, {"limit": 1}, key="k-1")

    again = api.post(REDRIVE, OPERATOR, {"limit": 1}, key="k-1")

    assert again.data == first.data == {"name": "EventsIn", "moved": 1, "left": 1}
    assert len(queues.returned()) == 1
    assert api.post(REDRIVE, OPERATOR, {"limit": 2}, key="k-1").code == "idempotency_key_reused"


@pytest.mark.usefixtures("queues")
def test_a_name_that_there_is_not_is_refused(api: Api) -> None:
    answer = api.post("/scheduler/dlqs/Nothing/redrive", OPERATOR)

    assert (answer.status, answer.code) == (404, "dead_letters_not_found")


def test_a_queue_that_does_not_answer_is_told(api: Api, queues: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> int:
        raise EndpointConnectionError(endpoint_url="")

    monkeypatch.setattr(dead_letters, "count_waiting", away)

    answer = api.get("/scheduler/dlqs", OPERATOR)

    assert (answer.status, answer.code) == (503, "unavailable")
