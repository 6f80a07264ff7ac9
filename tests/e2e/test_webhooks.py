"""An event's way from an allocation to a webhook, through the topic, the queue and the schedule."""

from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook as Reference

from tests.e2e.conftest import Api
from tests.support.receiver import Receiver, receiver

WEBHOOKS = "/scheduler/webhooks"
PATIENCE_SECONDS = 240  # the schedule's first run may be a minute away, and the machine slow
USER = "hears-by-webhook"
PATH = "/told"


@pytest.fixture
def target(region: dict[str, str]) -> Iterator[Receiver]:
    with receiver(port=int(region["WEBHOOK_PORT"])) as running:
        yield running


def test_a_grant_and_its_end_are_told_to_a_webhook(api: Api, region: dict[str, str], target: Receiver) -> None:
    service = region["SERVICE_TOKEN"]
    wish = {"url": target.url(PATH), "types": ["device.allocated", "device.released"]}
    hook = api.call("POST", WEBHOOKS, service, wish).body["data"]
    lent = api.call("POST", "/scheduler/devices/allocate", service, {"userId": USER}).body["data"]
    api.call("POST", "/scheduler/devices/release", service, {"deviceId": lent["deviceId"]})

    told: dict[str, str] = {}
    while len(told) < 2:
        request = target.arriving.get(timeout=PATIENCE_SECONDS)
        if request.path != PATH:  # other tests' webhooks lead here too
            continue
        event = Reference(hook["secret"]).verify(request.body, dict(request.headers))
        if event["data"]["userId"] == USER:
            told[event["type"]] = event["data"]["allocationId"]

    assert told == dict.fromkeys(wish["types"], lent["allocationId"])
    assert api.call("GET", f"{WEBHOOKS}/{hook['id']}", service).body["data"]["status"] == "enabled"
    assert api.call("DELETE", f"{WEBHOOKS}/{hook['id']}", service).status == 200
    assert api.call("GET", f"{WEBHOOKS}/{hook['id']}", service).status == 404


def test_a_webhook_does_not_lead_into_the_region(api: Api, region: dict[str, str]) -> None:
    port = region["API_URL"].rpartition(":")[2]

    for host in ("127.0.0.1", "localhost", "[::1]", "2130706433"):
        answer = api.call("POST", WEBHOOKS, region["SERVICE_TOKEN"], {"url": f"https://{host}:{port}/", "types": ["*"]})
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, "url")
