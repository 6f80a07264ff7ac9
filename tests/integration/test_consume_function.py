"""The consume function, from an SQS batch to rows, and to the queue where the unusable are parked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from moto import mock_aws

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from tests.support.api import TENANT, Api, Context
from tests.support.incoming import DATA, OF_USER, envelope
from tools.handlers import load_function

REGION = "eu-central-1"


@dataclass
class Parked:
    """The queue where the unusable go."""

    url: str
    client: Any = field(repr=False)

    def messages(self) -> list[Mapping[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return list(answer.get("Messages", []))

    def reasons(self) -> list[str]:
        return [message["MessageAttributes"]["reason"]["StringValue"] for message in self.messages()]


@pytest.fixture
def parked(environment: pytest.MonkeyPatch) -> Iterator[Parked]:
    environment.setenv("AWS_DEFAULT_REGION", REGION)
    environment.setenv("AWS_ACCESS_KEY_ID", "testing")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        client = boto3.client("sqs")
        url = client.create_queue(QueueName="events-in-dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        environment.setenv("EVENTS_IN_DLQ_URL", url)
        yield Parked(url, client)


def batch(*events: Any, group: str = "acme|alice") -> dict[str, Any]:
    """A batch of records; a text is a body as it is, and a pair names its group."""
    return {"Records": [_record(number, event, group) for number, event in enumerate(events)]}


def _record(number: int, event: Any, group: str) -> dict[str, Any]:
    event, group = event if isinstance(event, tuple) else (event, group)
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": event if isinstance(event, str) else json.dumps(event),
        "attributes": {"MessageGroupId": group, "ApproximateReceiveCount": "1", "SentTimestamp": "1772442960000"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:events-in.fifo",
        "awsRegion": REGION,
    }


class Minute(Context):
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def consume(*events: Any, context: Context | None = None) -> list[str]:
    """Run the function; give the messages that it wants again."""
    answer = load_function("consume").handler(batch(*events), context or Minute())
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def about(kind: str, user_id: str, **members: Any) -> dict[str, Any]:
    return envelope(kind, id=f"{kind}-{user_id}", data={**DATA[kind], "userId": user_id}, **members)


def blocked(database: Database) -> set[str]:
    return {row["user_id"] for row in database.rows("SELECT user_id FROM quota_usage WHERE blocked", {})}


def test_a_batch_is_applied(parked: Parked, database: Database) -> None:
    assert consume(about("user.suspended", "ana"), about("billing.overdue", "ben")) == []

    assert blocked(database) == {"ana", "ben"}
    assert parked.messages() == []


def test_what_a_user_holds_ends_with_her_suspension(parked: Parked, api: Api, database: Database) -> None:
    api.add_devices(1)
    api.allocate()

    consume(envelope("user.suspended"))

    assert api.allocate().json["detail"] == "User is suspended"
    assert api.get("/scheduler/allocations", {"sub": "alice", "tenant_id": TENANT}).data[0]["status"] == "revoked"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("no json", "it is no JSON"),
        ("[]", "it is no JSON object"),
        (json.dumps({"type": "device.exploded", "data": {}}), "unknown type 'device.exploded'"),
        (json.dumps(envelope("user.suspended", data={"tenantId": "acme"})), "data.userId is missing"),
        (
            json.dumps(envelope("device.failed", data={"deviceId": "a\x00"})),
            "data.deviceId is no text of 1 to 255 characters",
        ),
    ],
)
def test_what_cannot_be_used_is_parked_with_its_reason_and_stops_nobody(
    parked: Parked, database: Database, body: str, reason: str
) -> None:
    assert (
        consume(body, about("user.suspended", "alice"), ("{}", "other"), (about("user.deleted", "bob"), "other")) == []
    )

    assert blocked(database) == {"alice", "bob"}
    first, second = parked.messages()
    assert (first["Body"], first["MessageAttributes"]["reason"]["StringValue"]) == (body, reason)
    assert first["Attributes"]["MessageGroupId"] == "acme|alice"
    assert second["Body"] == "{}"


def test_the_same_unusable_message_is_parked_once(parked: Parked) -> None:
    assert consume("no json") == consume("no json") == []

    assert parked.reasons() == ["it is no JSON"]


def test_what_can_neither_be_used_nor_parked_comes_again_and_holds_up_its_group_only(
    parked: Parked, environment: pytest.MonkeyPatch, database: Database
) -> None:
    parked.client.delete_queue(QueueUrl=parked.url)

    failed = consume("no json", about("user.suspended", "alice"), (about("user.suspended", "bob"), "acme|bob"))

    assert failed == ["message-0", "message-1"]
    assert blocked(database) == {"bob"}


def test_a_database_that_is_away_parks_nothing(parked: Parked, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(runtime.database(), "_dsn", lambda: "postgresql://nobody@127.0.0.1:1/nothing")

    assert consume(about("user.suspended", "ana")) == ["message-0"]
    assert parked.messages() == []


def test_a_function_that_is_about_to_end_leaves_the_rest_to_the_next(parked: Parked, database: Database) -> None:
    class Late(Context):
        def get_remaining_time_in_millis(self) -> int:
            return 17_000

    assert consume(about("user.suspended", "ana"), context=Late()) == ["message-0"]
    assert blocked(database) == set()


def test_a_bare_event_that_comes_twice_counts_once(parked: Parked, database: Database) -> None:
    bare = {"type": "billing.payment_failed", "data": OF_USER | {"paymentId": "p"}}

    for _ in range(3):
        assert consume(bare) == []

    assert database.call("SELECT count(*) FROM payment_failures", {}) == 1


def test_no_personal_data_and_no_body_is_logged_of_the_unusable(
    parked: Parked, caplog: pytest.LogCaptureFixture
) -> None:
    consume(json.dumps({"type": "user.suspended", "data": {"userId": {"name": "Ana Secret"}}}))

    assert "Secret" not in caplog.text
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["event parked"]
