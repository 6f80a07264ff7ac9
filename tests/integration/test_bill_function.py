"""The bill function, from an SQS batch to what the billing service applied: each record once, whatever fails."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.outbox import PostgresOutbox
from tests.support.api import Api, Context
from tests.support.billing import fail_over, reconciled, records
from tests.support.clock import Clock
from tests.support.dying_biller import STEPS
from tests.support.wiring import forget_wiring
from tools.handlers import load_function
from tools.neighbours.billing_service import BillingService, billing_service

BILLED = {
    *("device.released", "scheduler.allocation.expired", "scheduler.allocation.revoked"),
    "scheduler.allocation.failed_over",
}


class LongContext(Context):
    """As much time as a batch may take."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def neighbour() -> Iterator[BillingService]:
    with billing_service() as running:
        yield running


@pytest.fixture
def api(environment: pytest.MonkeyPatch, api: Api, neighbour: BillingService) -> Api:
    """The functions with a billing service beside them; retries come without their pauses."""
    environment.setenv("BILLING_SERVICE_URL", neighbour.url)
    environment.setenv("SERVICE_TOKEN_SECRET", neighbour.secret)
    environment.setattr("scheduler.adapters.http.patience.random.uniform", lambda *_: 0.0)
    return api


def messages(database: Database) -> dict[str, Any]:
    """Give all events that the billing queue takes, as one batch."""
    events = [event for event in PostgresOutbox(database).oldest(1000) if event.type in BILLED]
    return {"Records": [_record(number, event.envelope(), event.group_id) for number, event in enumerate(events)]}


def _record(number: int, body: Mapping[str, Any], group: str) -> dict[str, Any]:
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {"MessageGroupId": group, "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:billing.fifo",
        "awsRegion": "eu-central-1",
    }


def deliver(batch: Mapping[str, Any], context: Context | None = None) -> list[str]:
    """Call the function as SQS does; give the messages that failed."""
    answer = load_function("bill").handler(batch, context or LongContext())
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def applied(neighbour: BillingService) -> list[dict[str, Any]]:
    return [dict(usage) for usage in neighbour.ledger.usage()["applied"]]


def ended(api: Api, clock: Clock, seconds: int = 90) -> str:
    """Lend a device for a while; give the allocation."""
    lent = api.allocate().data
    clock.advance(seconds=seconds)
    assert api.release(lent["deviceId"]).data["durationSeconds"] == seconds
    return str(lent["allocationId"])


def test_what_ended_is_told_in_full_and_marked(
    api: Api, still_clock: Clock, database: Database, neighbour: BillingService
) -> None:
    (device,) = api.add_devices(1)
    lent = ended(api, still_clock)

    assert deliver(messages(database)) == []

    (told,) = applied(neighbour)
    at = told.pop("startTime"), told.pop("endTime")
    assert told == {
        "key": f"{lent}:1:usage",
        "recordId": f"{lent}:1:usage",
        "allocationId": lent,
        "segment": 1,
        "kind": "usage",
        "deviceId": device,
        "deviceName": "phone-0",
        "userId": "alice",
        "tenantId": "acme",
        "deviceConfig": {"cpuCores": 4, "memoryMB": 4096, "storageMB": 65536},
        "duration": 90,
    }
    assert all(text.endswith("Z") for text in at)
    assert at[0] < at[1]
    assert [record["told"] for record in records(database)] == [True]
    assert reconciled(database, tells=True)["mismatches"] == 0


def test_a_failover_is_told_while_the_allocation_goes_on_and_its_credit_takes_off(
    api: Api, still_clock: Clock, database: Database, neighbour: BillingService
) -> None:
    api.add_devices(2)
    lent = api.allocate().data["allocationId"]
    still_clock.advance(seconds=60)
    moved = fail_over(api, lent)
    assert deliver(messages(database)) == []
    assert [told["segment"] for told in applied(neighbour)] == [1]
    database.call(
        "INSERT INTO usage_records SELECT allocation_id, segment, 'credit', tenant_id, user_id, device_id, device_name,"
        " cpu_cores, memory_mb, storage_mb, started_at, ended_at, 20, 'late', recorded_at, NULL FROM usage_records",
        {},
    )
    still_clock.advance(seconds=30)
    api.release(moved["deviceId"])

    assert deliver(messages(database)) == []

    told = {told["key"]: told["duration"] for told in applied(neighbour)}
    assert told == {f"{lent}:1:usage": 60, f"{lent}:1:credit": -20, f"{lent}:2:usage": 30}
    assert neighbour.ledger.usage()["seconds"] == {"alice": 70}
    assert reconciled(database, tells=True)["mismatches"] == 0


def test_a_redelivered_batch_is_told_once(
    api: Api, still_clock: Clock, database: Database, neighbour: BillingService
) -> None:
    api.add_devices(1)
    ended(api, still_clock)
    ended(api, still_clock)
    batch = messages(database)

    assert deliver(batch) == []
    assert deliver(batch) == []

    assert len([seen for seen in neighbour.seen if seen.method == "POST"]) == 2
    assert len(applied(neighbour)) == 2


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_next_delivery_bills_it_once(
    api: Api, still_clock: Clock, database: Database, database_url: str, neighbour: BillingService, step: str
) -> None:
    api.add_devices(1)
    lent = ended(api, still_clock)
    command = [sys.executable, "-m", "tests.support.dying_biller", step, database_url, neighbour.url, neighbour.secret]

    died = subprocess.run([*command, lent], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)

    assert died.returncode == -signal.SIGKILL
    assert deliver(messages(database)) == []
    ledger = neighbour.ledger.usage()
    assert [told["key"] for told in ledger["applied"]] == [f"{lent}:1:usage"]
    assert ledger["repeated"] == (1 if step == "before it is marked" else 0)
    assert [record["told"] for record in records(database)] == [True]


@pytest.mark.parametrize(
    "mood", ["down", "busy", "reset", "nonsense", "unauthorized", "refusing", "missing", "redirect", "huge"]
)
def test_an_unwell_service_is_told_nothing_as_told_and_everything_later(
    api: Api, still_clock: Clock, database: Database, neighbour: BillingService, mood: str
) -> None:
    api.add_devices(1)
    ended(api, still_clock)
    neighbour.be(mood)

    assert deliver(messages(database)) == ["message-0"]

    assert [record["told"] for record in records(database)] == [False]
    neighbour.be("ok")
    forget_wiring()  # another execution environment: this one's circuit may be open
    assert deliver(messages(database)) == []
    assert [record["told"] for record in records(database)] == [True]
    assert neighbour.ledger.usage()["seconds"] == {"alice": 90}


def test_a_slow_service_holds_up_the_function_no_longer_than_it_lives(
    api: Api, still_clock: Clock, database: Database, neighbour: BillingService
) -> None:
    api.add_devices(1)
    ended(api, still_clock)
    neighbour.be("slow", seconds=60)

    class Short(Context):
        def get_remaining_time_in_millis(self) -> int:
            return 4_500

    assert deliver(messages(database), Short()) == ["message-0"]
    assert [record["told"] for record in records(database)] == [False]


def test_one_poisonous_message_holds_up_nobody_else(
    api: Api, still_clock: Clock, database: Database, neighbour: BillingService
) -> None:
    api.add_devices(1)
    ended(api, still_clock)
    batch = messages(database)
    poison = _record(99, {"id": "e", "type": "device.released", "data": {}}, "another device")

    assert deliver({"Records": [poison, *batch["Records"]]}) == ["message-99"]
    assert len(applied(neighbour)) == 1


def test_without_a_url_nothing_is_told_and_no_message_fails(
    environment: pytest.MonkeyPatch, api: Api, still_clock: Clock, database: Database, neighbour: BillingService
) -> None:
    environment.delenv("BILLING_SERVICE_URL")
    api.add_devices(1)
    ended(api, still_clock)

    assert deliver(messages(database)) == []

    assert neighbour.seen == []
    assert [record["told"] for record in records(database)] == [False]
    assert reconciled(database)["mismatches"] == 0
