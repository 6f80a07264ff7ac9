"""The first minutes of a user with the deployed product."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from tests.e2e.conftest import Answer, Api

ALLOCATE = "/scheduler/devices/allocate"
RELEASE = "/scheduler/devices/release"
PATIENCE_SECONDS = 240  # a minute until it is due, one until the schedule, and a slow machine
POLL_SECONDS = 5


@pytest.fixture
def heard(region: dict[str, str]) -> Iterator["Ear"]:
    """Return a queue of its own that hears every event from now on."""
    ear = Ear(region)
    yield ear
    ear.close()


class Ear:
    """A FIFO queue subscribed to the events topic."""

    def __init__(self, region: dict[str, str]) -> None:
        options: dict[str, Any] = {
            "endpoint_url": region["AWS_ENDPOINT_URL"],
            "region_name": region["AWS_DEFAULT_REGION"],
            "aws_access_key_id": region["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": region["AWS_SECRET_ACCESS_KEY"],
        }
        self._queues = boto3.client("sqs", **options)
        name = f"{uuid.uuid4()}.fifo"
        self._queue = self._queues.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
        known = self._queues.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        boto3.client("sns", **options).subscribe(
            TopicArn=region["EVENTS_TOPIC_ARN"],
            Protocol="sqs",
            Endpoint=known["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )

    def events_of(self, user_id: str, *until: str) -> list[str]:
        """Return the types of this user's events in order, until each of the types in `until` has come."""
        types: list[str] = []
        give_up = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up:
            answer = self._queues.receive_message(
                QueueUrl=self._queue, WaitTimeSeconds=POLL_SECONDS, MaxNumberOfMessages=10
            )
            for message in answer.get("Messages", []):
                self._queues.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(message["Body"])
                if event["data"].get("userId") == user_id:
                    types.append(event["type"])
            if set(until) <= set(types):
                return types
        return types

    def close(self) -> None:
        """Delete the queue."""
        self._queues.delete_queue(QueueUrl=self._queue)
        self._queues.close()


def someone() -> str:
    return f"user-{uuid.uuid4()}"


def allocate(api: Api, token: str, user_id: str, minutes: int = 30) -> Answer:
    return api.call("POST", ALLOCATE, token, {"userId": user_id, "durationMinutes": minutes})


def release(api: Api, token: str, device_id: str) -> Answer:
    return api.call("POST", RELEASE, token, {"deviceId": device_id})


def test_a_device_is_lent_seen_and_given_back_and_the_world_is_told(
    api: Api, region: dict[str, str], heard: Ear
) -> None:
    user, token = someone(), region["SERVICE_TOKEN"]

    grant = allocate(api, token, user)
    assert grant.status == 201
    allocation = grant.body["data"]
    seen = api.call("GET", f"/scheduler/allocations/{allocation['allocationId']}", token)
    assert seen.body["data"]["adbPort"] == allocation["adbPort"]
    assert release(api, token, allocation["deviceId"]).status == 200

    assert heard.events_of(user, "device.released") == ["device.allocated", "device.released"]


def test_thirty_two_users_at_once_get_thirty_two_devices(api: Api, region: dict[str, str]) -> None:
    token = region["SERVICE_TOKEN"]
    with ThreadPoolExecutor(32) as crowd:
        answers = list(crowd.map(lambda _: allocate(api, token, someone()), range(32)))
    devices = [answer.body["data"]["deviceId"] for answer in answers if answer.status == 201]
    for device in devices:
        release(api, token, device)

    assert len(devices) == len(set(devices)) == 32


def test_one_user_at_once_thirty_two_times_gets_what_the_plan_allows(api: Api, region: dict[str, str]) -> None:
    user, token = someone(), region["SERVICE_TOKEN"]
    with ThreadPoolExecutor(32) as crowd:
        answers = list(crowd.map(lambda _: allocate(api, token, user), range(32)))
    for answer in answers:
        if answer.status == 201:
            release(api, token, answer.body["data"]["deviceId"])

    assert Counter(answer.body.get("code", "granted") for answer in answers) == {"granted": 10, "quota_exceeded": 22}


def test_in_time_an_allocation_ends_and_a_reservation_begins(api: Api, region: dict[str, str], heard: Ear) -> None:
    user, token = someone(), region["SERVICE_TOKEN"]
    grant = allocate(api, token, user, minutes=1).body["data"]
    wish = {"userId": user, "startTime": grant["expiresAt"], "durationMinutes": 15, "remindBeforeMinutes": 0}
    booked = api.call("POST", "/scheduler/reservations", token, wish).body["data"]

    types = heard.events_of(user, "scheduler.allocation.expired", "scheduler.reservation.executed", "device.allocated")

    assert sorted(types) == [
        *("device.allocated", "device.allocated"),
        *("scheduler.allocation.expired", "scheduler.reservation.created", "scheduler.reservation.executed"),
    ]
    ended = api.call("GET", f"/scheduler/allocations/{grant['allocationId']}", token)
    assert ended.body["data"]["status"] == "expired"
    path = f"/scheduler/reservations/{booked['reservationId']}"
    begun = api.call("GET", path, token).body["data"]
    renewed = api.call("POST", f"/scheduler/allocations/{begun['allocationId']}/renew", token, {"additionalMinutes": 5})
    assert (begun["status"], renewed.status) == ("executing", 200)
    assert release(api, token, begun["deviceId"]).status == 200
    assert api.call("GET", path, token).body["data"]["status"] == "completed"


def test_another_tenant_sees_nothing_of_it(api: Api, region: dict[str, str]) -> None:
    grant = allocate(api, region["SERVICE_TOKEN"], someone()).body["data"]

    seen = api.call("GET", f"/scheduler/allocations/{grant['allocationId']}", region["OTHER_TENANT_TOKEN"])
    taken = release(api, region["OTHER_TENANT_TOKEN"], grant["deviceId"])
    release(api, region["SERVICE_TOKEN"], grant["deviceId"])

    assert (seen.status, taken.status) == (404, 404)


def test_who_waits_is_lent_the_device_that_comes_back(api: Api, region: dict[str, str], heard: Ear) -> None:
    holder, waiter, token, kind = someone(), someone(), region["SERVICE_TOKEN"], f"only-{uuid.uuid4().hex[:8]}"
    device = {"name": kind, "deviceType": kind, "cpuCores": 2, "memoryMB": 2048, "storageMB": 16384}
    api.call("POST", "/scheduler/devices", region["OPERATOR_TOKEN"], device | {"adbHost": "10.0.0.9", "adbPort": 5555})
    lent = api.call("POST", ALLOCATE, token, {"userId": holder, "deviceType": kind})
    waits = api.call("POST", ALLOCATE, token, {"userId": waiter, "deviceType": kind, "wait": True})
    assert (lent.status, waits.status) == (201, 202)

    assert release(api, token, lent.body["data"]["deviceId"]).status == 200

    types = heard.events_of(waiter, "scheduler.queue.fulfilled")
    of_the_wait = [kind for kind in types if kind != "device.allocated"]  # which is of the device's own order
    assert of_the_wait == ["scheduler.queue.joined", "scheduler.queue.fulfilled"]
    served = api.call("GET", f"/scheduler/queue/{waits.body['data']['id']}", token).body["data"]
    assert (served["status"], served["deviceId"]) == ("fulfilled", lent.body["data"]["deviceId"])
    release(api, token, served["deviceId"])
