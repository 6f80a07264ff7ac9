"""POST /scheduler/devices/allocate, through the handler, on real parts."""

import functools
from datetime import datetime, timedelta

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.api import OPERATOR, OTHER_USER, SERVICE, USER, Api
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees

NESTED = functools.reduce(lambda inner, _: [inner], range(60), [])
WRONG_BODIES = [
    pytest.param({}, 422, "validation_failed", id="userId missing"),
    pytest.param({"userId": ""}, 422, "validation_failed", id="userId empty"),
    pytest.param({"userId": 5}, 422, "validation_failed", id="userId a number"),
    pytest.param({"userId": "a\0b"}, 422, "validation_failed", id="userId with a NUL"),
    pytest.param({"userId": "x" * 256}, 422, "validation_failed", id="userId too long"),
    pytest.param({"userId": "alice", "durationMinutes": -5}, 422, "validation_failed", id="-5 minutes"),
    pytest.param({"userId": "alice", "durationMinutes": 0}, 422, "validation_failed", id="0 minutes"),
    pytest.param({"userId": "alice", "durationMinutes": 10**9}, 422, "validation_failed", id="10^9 minutes"),
    pytest.param({"userId": "alice", "durationMinutes": "60"}, 422, "validation_failed", id="minutes as text"),
    pytest.param({"userId": "alice", "durationMinutes": True}, 422, "validation_failed", id="minutes as truth"),
    pytest.param({"userId": "alice", "durationMinutes": 1.5}, 422, "validation_failed", id="half a minute"),
    pytest.param({"userId": "alice", "colour": "red"}, 422, "validation_failed", id="unknown field"),
    pytest.param({"userId": "alice", "preferredSpecs": {"minGpu": 1}}, 422, "validation_failed", id="unknown spec"),
    pytest.param({"userId": "alice", "metadata": {"n": "\0"}}, 422, "validation_failed", id="NUL in metadata"),
    pytest.param({"userId": "alice", "metadata": {"n": "x" * 5000}}, 413, "payload_too_large", id="metadata over 4 KB"),
    pytest.param({"userId": "alice", "tenantId": "globex"}, 403, "forbidden", id="another tenant"),
    pytest.param({"userId": "alice", "metadata": {"n": NESTED}}, 422, "validation_failed", id="metadata nested deep"),
    pytest.param({"userId": "alice", "wait": "yes"}, 422, "validation_failed", id="waiting in words"),
    pytest.param({"userId": "alice", "wait": True, "maxWaitMinutes": 121}, 422, "validation_failed", id="a long wait"),
    pytest.param("[]", 422, "validation_failed", id="an array"),
    pytest.param('[{"userId": "alice"}]', 422, "validation_failed", id="an array of a good request"),
    pytest.param("null", 422, "validation_failed", id="null"),
    pytest.param("{", 400, "invalid_json", id="broken JSON"),
    pytest.param('{"userId": NaN}', 400, "invalid_json", id="NaN"),
    pytest.param("[" * 8000, 400, "invalid_json", id="bottomless nesting"),
    pytest.param('{"userId": ' + "9" * 5000 + "}", 400, "invalid_json", id="a number without end"),
    pytest.param('{"userId": "\\ud800"}', 422, "validation_failed", id="a lone surrogate"),
    pytest.param("x" * 1_000_000, 413, "payload_too_large", id="1 MB"),
]


def test_a_grant_tells_all_that_its_holder_needs(api: Api) -> None:
    (device_id,) = api.add_devices(1)

    answer = api.allocate(durationMinutes=30)

    assert answer.status == 201
    assert answer.json["success"] is True
    assert answer.json["message"] == "Device allocated successfully"
    grant = answer.data
    assert grant["deviceId"] == device_id
    assert grant["device"] == {"id": device_id, "name": "phone-0", "status": "running"}
    assert (grant["userId"], grant["tenantId"]) == ("alice", "acme")
    assert (grant["adbHost"], grant["adbPort"], grant["fencingToken"]) == ("10.0.0.7", 5555, 1)
    lent_for = datetime.fromisoformat(grant["expiresAt"]) - datetime.fromisoformat(grant["allocatedAt"])
    assert lent_for == timedelta(minutes=30)


@pytest.mark.parametrize(("body", "status", "code"), WRONG_BODIES)
def test_bad_input_is_refused_and_writes_nothing(
    api: Api, database: Database, body: object, status: int, code: str
) -> None:
    api.add_devices(1)

    answer = api.post("/scheduler/devices/allocate", SERVICE, body)

    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["success"] is False
    assert database.rows("SELECT 1 FROM device_allocations UNION ALL SELECT 1 FROM outbox", {}) == []


@pytest.mark.parametrize("content_type", ["Application/JSON", "application/json; charset=utf-8"])
def test_a_content_type_may_be_spelled_in_any_case(api: Api, content_type: str) -> None:
    api.add_devices(1)
    headers = {"content-type": content_type}

    assert api.call("POST", "/scheduler/devices/allocate", SERVICE, {"userId": "alice"}, headers=headers).status == 201


def test_another_content_type_is_refused(api: Api) -> None:
    answer = api.call(
        "POST", "/scheduler/devices/allocate", SERVICE, "userId=alice", headers={"content-type": "text/plain"}
    )

    assert (answer.status, answer.code) == (415, "unsupported_content_type")


def test_saying_that_one_does_not_wait_is_allowed(api: Api) -> None:
    api.add_devices(1)

    assert api.allocate(wait=False).status == 201


def test_without_verified_claims_nobody_gets_a_device(api: Api) -> None:
    answer = api.post("/scheduler/devices/allocate", None, {"userId": "alice"})

    assert (answer.status, answer.code) == (401, "unauthorized")


def test_a_user_acts_only_for_itself(api: Api) -> None:
    api.add_devices(2)

    assert api.allocate(OTHER_USER, userId="alice").status == 403
    assert api.allocate(USER, userId="alice").status == 201


def test_an_operator_may_name_any_tenant(api: Api) -> None:
    api.add_devices(1)

    assert api.allocate(OPERATOR, tenantId="globex").data["tenantId"] == "globex"


def test_when_no_device_fits_the_refusal_says_when_to_come_back(api: Api, database: Database) -> None:
    api.add_devices(1, cpuCores=2)

    answer = api.allocate(preferredSpecs={"minCpu": 8})

    assert (answer.status, answer.code) == (409, "no_available_devices")
    assert answer.json["retryable"] is True
    assert int(answer.headers["Retry-After"]) > 0
    (event,) = database.rows("SELECT type, data FROM outbox", {})
    assert event["type"] == "scheduler.allocation.failed"
    assert event["data"]["reason"] == "no_available_devices"


def test_over_quota_the_refusal_counts(api: Api, database: Database) -> None:
    api.add_devices(11)
    for _ in range(10):
        assert api.allocate().status == 201

    answer = api.allocate()

    assert (answer.status, answer.code) == (403, "quota_exceeded")
    assert answer.json["detail"] == "Device quota exceeded. Max: 10, Current: 10"
    assert answer.json["remainingDevices"] == 0
    assert_ledger_agrees(database)


def test_nobody_is_refused_while_an_overdue_device_exists(api: Api, database: Database, clock: Clock) -> None:
    (device_id,) = api.add_devices(1)
    first = api.allocate(durationMinutes=5).data
    clock.advance(minutes=6)

    second = api.allocate(userId="bob").data

    assert second["deviceId"] == device_id
    assert second["fencingToken"] == first["fencingToken"] + 1
    (ended,) = database.rows("SELECT status, duration_seconds FROM device_allocations WHERE user_id = 'alice'", {})
    assert ended == {"status": "expired", "duration_seconds": 300}
    assert_ledger_agrees(database)


def test_ones_own_overdue_device_does_not_count_against_the_quota(api: Api, database: Database, clock: Clock) -> None:
    database.call("INSERT INTO quotas (tenant_id, user_id, plan_name) VALUES ('acme', 'alice', 'free')", {})
    api.add_devices(2)
    api.allocate(durationMinutes=5)
    assert api.allocate().code == "quota_exceeded"
    clock.advance(minutes=6)

    assert api.allocate().status == 201
    assert_ledger_agrees(database)


def test_the_same_key_gives_the_same_answer_and_one_device(api: Api, database: Database) -> None:
    api.add_devices(2)

    first, again = api.allocate(key="k-1"), api.allocate(key="k-1")

    assert first.status == again.status == 201
    assert first.text == again.text
    assert database.call("SELECT count(*) FROM device_allocations", {}) == 1


def test_white_space_and_order_do_not_make_another_body(api: Api) -> None:
    api.add_devices(2)
    bodies = ['{"userId": "alice", "durationMinutes": 5}', '{"durationMinutes":5,"userId":"alice"}']

    answers = [api.post("/scheduler/devices/allocate", SERVICE, body, key="k-1") for body in bodies]

    assert answers[0].status == 201
    assert answers[0].text == answers[1].text


def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    api.add_devices(2)
    api.allocate(key="k-1")

    answer = api.allocate(key="k-1", durationMinutes=5)

    assert (answer.status, answer.code) == (422, "idempotency_key_reused")


def test_a_key_belongs_to_its_caller(api: Api) -> None:
    api.add_devices(2)

    grants = [api.allocate(USER, key="k-1").data, api.allocate(OTHER_USER, key="k-1", userId="bob").data]

    assert len({grant["allocationId"] for grant in grants}) == 2


def test_a_retryable_refusal_does_not_use_up_its_key(api: Api) -> None:
    assert api.allocate(key="k-1").code == "no_available_devices"
    api.add_devices(1)

    assert api.allocate(key="k-1").status == 201


def test_a_final_refusal_is_repeated_under_its_key(api: Api, database: Database) -> None:
    database.call("INSERT INTO quotas (tenant_id, user_id, plan_name) VALUES ('acme', 'alice', 'free')", {})
    api.add_devices(2)
    device_id = api.allocate().data["deviceId"]
    refused = api.allocate(key="k-1")
    api.release(device_id)

    assert api.allocate(key="k-1").text == refused.text


def test_after_a_day_a_key_is_new_again(api: Api, clock: Clock) -> None:
    api.add_devices(2)
    first = api.allocate(key="k-1").data
    clock.advance(hours=25)

    assert api.allocate(key="k-1", durationMinutes=5).data["allocationId"] != first["allocationId"]


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "tab\t"])
def test_an_unusable_key_is_refused(api: Api, key: str) -> None:
    answer = api.call(
        "POST", "/scheduler/devices/allocate", SERVICE, {"userId": "alice"}, headers={"idempotency-key": key}
    )

    assert (answer.status, answer.code) == (422, "validation_failed")


def test_a_dedicated_device_serves_only_its_tenant(api: Api) -> None:
    api.add_devices(1, tenantId="globex")

    assert api.allocate().code == "no_available_devices"
    assert api.allocate(OPERATOR, tenantId="globex").status == 201


def test_preferred_specs_are_minima(api: Api) -> None:
    api.add_devices(1, cpuCores=2)
    (big,) = api.add_devices(1, cpuCores=8, name="big")

    assert api.allocate(preferredSpecs={"minCpu": 4}).data["deviceId"] == big
    assert api.allocate(preferredSpecs={"minCpu": 4}).code == "no_available_devices"


def test_a_warm_allocate_is_one_round_trip_to_postgres(api: Api) -> None:
    from scheduler import runtime

    api.add_devices(2)
    api.allocate()
    before = runtime.database().round_trips

    api.allocate()

    assert runtime.database().round_trips - before == 1
