"""Secrets and addresses are planted wherever one can come in, all goes well and wrong, and no log holds any of them."""

import base64
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from tests.e2e.conftest import Api
from tests.e2e.planted import Planted, logs_of

FEWEST_MARKS = 20
PATIENCE_SECONDS = 120
HOLDER = "holder-of-secrets"


@pytest.fixture(scope="module")
def place(neighbourhood: dict[str, str]) -> dict[str, str]:
    """A region with services next door: some of them will be unwell. At its webhooks' target nobody listens."""
    return neighbourhood | {"WEBHOOK_TARGET": f"127.0.0.1:{neighbourhood['WEBHOOK_PORT']}"}


@pytest.fixture(scope="module")
def database(place: Mapping[str, str]) -> Iterator[Database]:
    opened = Database(lambda: place["DATABASE_URL"])
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def planted(place: dict[str, str], database: Database) -> Planted:
    """Plant them all, once."""
    every = Planted()
    api = Api(place["API_URL"])
    every.known("the database's password", urlsplit(place["DATABASE_URL"]).password or "none")
    for name in ("USER_TOKEN", "SERVICE_TOKEN", "OPERATOR_TOKEN"):
        every.known(f"the signature of {name}", place[name].split(".")[2])
    devices = plant_devices(api, place, every)
    plant_allocations(api, place, every, devices)
    plant_webhooks(api, place, every)
    plant_in_bad_requests(api, place, every)
    plant_in_faults(api, place, every, database)
    plant_in_events(place, every, devices)
    plant_beside_unwell_neighbours(api, place, every)
    return every


def plant_devices(api: Api, place: Mapping[str, str], every: Planted) -> list[str]:
    operator, ids = place["OPERATOR_TOKEN"], []
    for number in range(3):
        host = f"adb-{every.mark(f'the address of device {number}')}.fleet.internal"
        body = {"name": f"secret {number}", "deviceType": "secret", "status": "running", "cpuCores": 2}
        body |= {"memoryMB": 4096, "storageMB": 65536, "adbHost": host, "adbPort": 5555}
        ids += api.call("POST", "/scheduler/devices", operator, body).body["data"]["ids"]
    changed = {"adbHost": f"{every.mark('a changed address')}.fleet.internal"}
    assert api.call("PATCH", f"/scheduler/devices/{ids[0]}", operator, changed).status == 200
    return ids


def plant_allocations(api: Api, place: Mapping[str, str], every: Planted, devices: list[str]) -> None:
    service, operator = place["SERVICE_TOKEN"], place["OPERATOR_TOKEN"]
    wish = {"userId": HOLDER, "deviceType": "secret"}
    told = {"x-api-key": every.mark("a header of another's key"), "Cookie": f"session={every.mark('a cookie')}"}
    told |= {"X-Correlation-Id": f"Bearer {every.mark('a token as correlation id')}"}
    lent = api.call(
        "POST",
        f"/scheduler/devices/allocate?access_token={every.mark('a token in the query')}",
        service,
        wish | {"metadata": {"password": every.mark("metadata of an allocation"), "mail": "mrs.miller@example.org"}},
        told,
    )
    assert lent.status == 201, lent
    every.known("a person's mail address in metadata", "mrs.miller@example.org")
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
    reserved = wish | {"startTime": later, "durationMinutes": 30}
    reserved |= {"metadata": {"key": every.mark("metadata of a reservation")}}
    assert api.call("POST", "/scheduler/reservations", service, reserved).status == 201
    waiting = wish | {"userId": "waits", "metadata": {"key": every.mark("metadata of a wait")}}
    assert api.call("POST", "/scheduler/queue", service, waiting).status == 201
    path = f"/scheduler/allocations/{lent.body['data']['allocationId']}"
    reason = f"moved off adb-{every.mark('an address in a reason')}.fleet.internal:5555"
    assert api.call("POST", f"{path}/failover", operator, {"reason": reason}).status == 200
    reason = f"abused, Authorization: Bearer {every.mark('a token in a reason')}"
    assert api.call("POST", f"{path}/revoke", operator, {"reason": reason}).status == 200
    reason = f"see https://ana:{every.mark('a password in a reason')}@wiki.example/x"
    assert api.call("POST", f"/scheduler/devices/{devices[2]}/quarantine", operator, {"reason": reason}).status == 200


def plant_webhooks(api: Api, place: Mapping[str, str], every: Planted) -> None:
    service = place["SERVICE_TOKEN"]
    path = f"services/{every.mark('a secret path of a webhook')}?token={every.mark('its query')}"
    url = f"http://{place['WEBHOOK_TARGET']}/{path}"
    hook = api.call("POST", "/scheduler/webhooks", service, {"url": url, "types": ["*"]})
    assert hook.status == 201, hook
    every.known("the secret of a webhook", hook.body["data"]["secret"].removeprefix("whsec_"))
    assert api.call("POST", f"/scheduler/webhooks/{hook.body['data']['id']}/ping", service).status == 202
    refused = f"https://ana:{every.mark('a password in a refused URL')}@{place['WEBHOOK_TARGET']}/"
    assert api.call("POST", "/scheduler/webhooks", service, {"url": refused, "types": ["*"]}).status == 422


def plant_in_bad_requests(api: Api, place: Mapping[str, str], every: Planted) -> None:
    allocate, service = "/scheduler/devices/allocate", place["SERVICE_TOKEN"]
    forged = ".".join([*service.split(".")[:2], every.mark("a forged signature")])
    assert api.call("GET", "/scheduler/allocations", forged).status == 401
    broken = f'{{"userId": "u", "password": "{every.mark("broken JSON")}"'.encode()
    assert api.call("POST", allocate, service, broken).status == 400
    unknown = {"userId": "u", every.mark("the name of an unknown field"): every.mark("its value")}
    assert api.call("POST", allocate, service, unknown).status == 422
    wrong = {"userId": "u", "durationMinutes": every.mark("a value of a wrong type")}
    assert api.call("POST", allocate, service, wrong).status == 422
    large = {"userId": "u", "metadata": {"key": every.mark("metadata that is too large") + "x" * 5000}}
    assert api.call("POST", allocate, service, large).status == 413
    cursor = base64.urlsafe_b64encode(json.dumps([every.mark("a forged cursor")]).encode()).decode()
    every.known("that cursor as it was sent", cursor.rstrip("="))
    assert api.call("GET", f"/scheduler/allocations?cursor={cursor}", service).status == 422


def plant_in_faults(api: Api, place: Mapping[str, str], every: Planted, database: Database) -> None:
    """Let Postgres refuse a row, and lose its connections: what it says quotes rows, statements and addresses."""
    operator = place["OPERATOR_TOKEN"]
    database.call("ALTER TABLE devices ADD CONSTRAINT planted CHECK (adb_port <> 6666)", {})
    body = {"name": "refused", "deviceType": "secret", "status": "running", "cpuCores": 2, "memoryMB": 4096}
    body |= {"storageMB": 65536, "adbPort": 6666, "adbHost": f"{every.mark('a row that Postgres refuses')}.internal"}
    answer = api.call("POST", "/scheduler/devices", operator, body)
    database.call("ALTER TABLE devices DROP CONSTRAINT planted", {})
    assert answer.status == 500
    assert every.marks["a row that Postgres refuses"] not in json.dumps(answer.body)
    database.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'scheduler' AND pid <> pg_backend_pid()",
        {},
    )
    wish = {"userId": "after-the-cut", "metadata": {"key": every.mark("a request whose connection was cut")}}
    api.call("POST", "/scheduler/devices/allocate", place["SERVICE_TOKEN"], wish)


def plant_in_events(place: Mapping[str, str], every: Planted, devices: list[str]) -> None:
    device = devices[1]
    failure = f"no answer from adb-{every.mark('an address in an event')}.fleet.internal:5555"
    good = {"type": "device.failed", "id": str(uuid.uuid4()), "data": {"deviceId": device, "reason": failure}}
    messages: list[str] = [
        json.dumps(good),
        f'{{"type": "device.failed", "secret": "{every.mark("a broken event")}"',
        json.dumps({"type": every.mark("an unknown type of an event"), "data": {}}),
        json.dumps({"type": "device.heartbeat", "data": {"deviceId": device, "cpuUsage": every.mark("a wrong value")}}),
        json.dumps({"type": "user.quota_updated", "data": {"userId": "u", "limits": every.mark("wrong limits")}}),
        json.dumps(every.mark("an event that is a text")),
    ]
    sns = client(place, "sns")
    for number, message in enumerate(messages):
        sns.publish(
            TopicArn=place["EVENTS_IN_TOPIC_ARN"],
            Message=message,
            MessageGroupId=f"planted-{number}",
            MessageDeduplicationId=str(uuid.uuid4()),
        )


def plant_beside_unwell_neighbours(api: Api, place: Mapping[str, str], every: Planted) -> None:
    for mood in ("nonsense", "redirect", "unauthorized", "down"):
        for name in ("USER_SERVICE_URL", "BILLING_SERVICE_URL", "NOTIFICATION_SERVICE_URL"):
            assert Api(place[name]).call("PUT", "/control/mode", None, {"mode": mood}).status < 300
        metadata = {"key": every.mark(f"a request while neighbours are {mood}")}
        wish = {"userId": f"meets-{mood}", "metadata": metadata}
        api.call("POST", "/scheduler/devices/allocate", place["SERVICE_TOKEN"], wish)
    for name in ("USER_SERVICE_URL", "BILLING_SERVICE_URL", "NOTIFICATION_SERVICE_URL"):
        Api(place[name]).call("PUT", "/control/mode", None, {"mode": "ok"})


def client(place: Mapping[str, str], service: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=place["AWS_ENDPOINT_URL"],
        region_name=place["AWS_DEFAULT_REGION"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture(scope="module")
def logs(place: Mapping[str, str], planted: Planted) -> dict[str, str]:
    """All logs, once the last thing that was planted has been worked on."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        read = logs_of(place)
        if read["functions"].count('"event parked"') >= 5 and '"device event"' in read["functions"]:
            return read
        time.sleep(0.5)
    raise AssertionError("the events were not worked on")


def test_no_log_holds_what_was_planted(planted: Planted, logs: dict[str, str]) -> None:
    assert len(set(planted.marks.values())) >= FEWEST_MARKS
    assert planted.found_in(logs) == []


def test_every_log_was_really_read(place: Mapping[str, str], logs: dict[str, str]) -> None:
    assert set(logs) >= {
        "functions",
        "front.log",
        "requests.log",
        "cloud.log",
        "postgres",
        "valkey",
        "user-service.log",
    }
    for told in ('"granted"', '"operator acted"', '"failed over"', '"event parked"', "CheckViolation 23514", HOLDER):
        assert told in logs["functions"]
    assert "/scheduler/devices/allocate" in logs["requests.log"]
    assert "violates check constraint" in logs["postgres"]


def test_a_log_that_leaks_is_seen(place: Mapping[str, str]) -> None:
    leaking = Planted()
    visible = leaking.mark("an id of a request, which is logged")
    Api(place["API_URL"]).call(
        *("POST", "/scheduler/devices/allocate", place["SERVICE_TOKEN"], {"userId": "seen"}),
        {"X-Correlation-Id": visible},
    )
    connection = psycopg2.connect(place["DATABASE_URL"])
    connection.cursor().execute(f"DO $$ BEGIN RAISE WARNING '{leaking.mark('a word of Postgres')}'; END $$")
    connection.close()

    found = leaking.found_in(logs_of(place))

    assert any(line.startswith("an id of a request, which is logged in functions") for line in found)
    assert any(line.startswith("a word of Postgres in postgres") for line in found)


def test_no_event_that_leaves_holds_an_address(planted: Planted, database: Database, logs: dict[str, str]) -> None:
    told = database.rows("SELECT data::text AS text FROM outbox", {}) + database.rows(
        "SELECT coalesce(message, '') || coalesce(data::text, '') AS text FROM notifications", {}
    )
    everything = {"events and notices": "\n".join(row["text"] for row in told)}
    addresses = Planted(
        {where: mark for where, mark in planted.marks.items() if "address" in where and "@" not in mark}
    )

    assert len(addresses.marks) >= 6
    assert '"deviceId"' in everything["events and notices"]
    assert addresses.found_in(everything) == []
