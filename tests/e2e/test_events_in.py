"""Events from outside reach the deployed scheduler, and the unusable among them stop nobody."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.e2e.conftest import Api
from tools import redrive
from tools.region.layout import STACK

PATIENCE_SECONDS = 60
POLL_SECONDS = 0.2


@pytest.fixture
def account(region: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, region[name])


def eventually[T](read: Callable[[], T | None]) -> T:
    """Ask until there is an answer."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        if (found := read()) is not None:
            return found
        time.sleep(POLL_SECONDS)
    raise AssertionError("it did not happen")


def send(region: dict[str, str], user_id: str, event: Any) -> None:
    """Publish to the topic for outsiders, in the group of a user."""
    boto3.client("sns").publish(
        TopicArn=region["EVENTS_IN_TOPIC_ARN"],
        Message=json.dumps(event),
        MessageGroupId=f"acme|{user_id}",
        MessageDeduplicationId=str(uuid.uuid4()),
    )


def parked(queue_url: str) -> str | None:
    """Take one parked message; give its reason."""
    sqs = boto3.client("sqs")
    answer = sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["All"], VisibilityTimeout=0)
    for message in answer.get("Messages", []):
        return str(message["MessageAttributes"]["reason"]["StringValue"])
    return None


def test_a_suspension_behind_an_unusable_event_ends_what_the_user_holds(
    api: Api, region: dict[str, str], account: None
) -> None:
    user, token = f"user-{uuid.uuid4()}", region["SERVICE_TOKEN"]
    wish = {"userId": user, "durationMinutes": 30}
    lent = api.call("POST", "/scheduler/devices/allocate", token, wish).body["data"]["allocationId"]

    send(region, user, {"type": "device.exploded", "data": {}})
    send(region, user, {"type": "user.suspended", "id": user, "data": {"userId": user, "tenantId": "acme"}})

    def ended() -> bool | None:
        seen = api.call("GET", f"/scheduler/allocations/{lent}", token).body["data"]
        return True if seen["status"] == "revoked" else None

    assert eventually(ended)
    refused = api.call("POST", "/scheduler/devices/allocate", token, wish)
    assert (refused.status, refused.body["detail"]) == (403, "User is suspended")
    queues = redrive.find_queues(boto3.client("cloudformation"), STACK, "EventsIn")
    assert eventually(lambda: parked(queues.parked)) == "unknown type 'device.exploded'"

    assert redrive.main(["EventsIn"]) == 0  # it is no better than before, and parked again
    assert eventually(lambda: parked(queues.parked)) == "unknown type 'device.exploded'"
