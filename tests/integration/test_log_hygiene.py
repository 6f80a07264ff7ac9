"""No token, address or body reaches a log, whatever happens."""

import logging
import traceback

import pytest

from scheduler.adapters.postgres.connection import Database, NotAConnectionUrl
from tests.support.api import OPERATOR, SERVICE, Api, Context, device_body
from tools.handlers import load_function

ADDRESS = "adb-7f3a.internal"
SECRETS = {ADDRESS, "Bearer t0k3n", "mrs.miller@example.org"}
HEADERS = {"authorization": "Bearer t0k3n"}


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def everything(logged: pytest.LogCaptureFixture) -> str:
    """Give all that was logged: messages, extra members, tracebacks."""
    formatter = logging.Formatter()
    return "\n".join(
        f"{formatter.format(record)} {record.__dict__}"
        for record in logged.records
        if record.name.startswith(("scheduler", "function"))
    )


def allocate(api: Api) -> int:
    body = {"userId": "alice", "metadata": {"contact": "mrs.miller@example.org"}}
    return api.call("POST", "/scheduler/devices/allocate", SERVICE, body, headers=HEADERS).status


def assert_clean(logged: pytest.LogCaptureFixture, *, told: str) -> None:
    text = everything(logged)
    assert told in text, "the decision was not logged"
    assert not {secret for secret in SECRETS if secret in text}


def test_a_grant_is_logged_without_them(api: Api, logged: pytest.LogCaptureFixture) -> None:
    api.add_devices(1, adbHost=ADDRESS)

    assert allocate(api) == 201

    assert_clean(logged, told="granted")


def test_a_fault_of_ours_is_logged_without_them(api: Api, database: Database, logged: pytest.LogCaptureFixture) -> None:
    api.add_devices(1, adbHost=ADDRESS)
    # The error text of a CHECK quotes the whole row.
    database.call("ALTER TABLE device_allocations ADD CHECK (duration_minutes < 5)", {})

    assert allocate(api) == 500

    assert_clean(logged, told="CheckViolation 23514")


def test_a_fault_in_the_fleet_is_logged_without_them(
    api: Api, database: Database, logged: pytest.LogCaptureFixture
) -> None:
    database.call("ALTER TABLE devices ADD CHECK (adb_port < 5)", {})

    answer = api.call("POST", "/scheduler/devices", OPERATOR, device_body(1, adbHost=ADDRESS), headers=HEADERS)

    assert (answer.status, answer.code) == (500, "internal_error")
    assert ADDRESS not in answer.text
    assert_clean(logged, told="CheckViolation 23514")


def test_a_database_that_is_gone_is_logged_without_its_address(
    environment: pytest.MonkeyPatch, api: Api, logged: pytest.LogCaptureFixture
) -> None:
    environment.setenv("DATABASE_URL", f"postgresql://scheduler:hunter2@{ADDRESS}/scheduler")

    answer = api.allocate()

    assert (answer.status, answer.code) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert_clean(logged, told="degraded")
    assert "hunter2" not in everything(logged)


def test_a_connection_url_with_a_slip_is_not_quoted(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql:/scheduler:hunter2@127.0.0.1/scheduler")

    with pytest.raises(NotAConnectionUrl) as fault:
        load_function("migrate").handler({}, Context())

    assert "hunter2" not in "".join(traceback.format_exception(fault.value))


def test_what_an_operator_does_is_logged_with_her_name(api: Api, logged: pytest.LogCaptureFixture) -> None:
    (device_id,) = api.add_devices(1)
    api.allocate(OPERATOR, key="k-1")
    api.release(device_id, OPERATOR)
    api.post("/scheduler/allocations/release-expired", OPERATOR)
    api.allocate()  # a service's

    acts = [record.__dict__["route"] for record in logged.records if record.message == "operator acted"]
    assert acts == [
        "POST /scheduler/devices",
        "POST /scheduler/devices/allocate",
        "POST /scheduler/devices/release",
        "POST /scheduler/allocations/release-expired",
    ]
