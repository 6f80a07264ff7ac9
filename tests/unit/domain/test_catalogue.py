"""Events from outside: what is understood, and that parser and published schemas give the same verdict."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.catalogue import CATALOGUE, UnusableEvent, read_event
from scheduler.domain.incoming import (
    BillingOverdue,
    DeviceDeleted,
    DeviceFailed,
    DeviceHeartbeat,
    DeviceMaintenance,
    DeviceRecycled,
    DeviceStatusChanged,
    EventMark,
    Family,
    IncomingEvent,
    PaymentFailed,
    PaymentSucceeded,
    UserActivated,
    UserDeleted,
    UserQuotaUpdated,
    UserSuspended,
)
from scheduler.domain.model import DeviceStatus, User
from scheduler.domain.quota import QuotaLimits
from tests.support.incoming import DATA, NOON, envelope, message
from tests.support.schemas import incoming_types, validator

ELEVEN = NOON - timedelta(hours=1)
ALICE = User("acme", "alice")
MARK = EventMark("/outside|event-1", Family.USER, "acme|alice", ELEVEN)
VALUES = [
    *(None, True, False, 0, 1, -1, -2, 100, 100.5, 1e16, "", "a", "a\x00", "\ud800", "é" * 255, "x" * 256),
    *(
        [],
        {},
        ["a"],
        {"maxDevices": 0},
        {"maxDevices": "1"},
        {"totalMemoryGB": True},
        {"maxDevices": -3},
        {"other": []},
    ),
    *("running", "stopped", "gone", "2026-03-02T11:00:00Z", "2026-03-02 11:00:00+01:00", "2026-03-02", "yesterday"),
    *("2026-02-30T11:00:00Z", "2026-03-02T11:00:00", "2026-03-02T11:00:00.123456789Z"),
]
BORDERS = [*("x" * length for length in (50, 51, 255, 256, 500, 501)), 0, 100, 101]
MISSING = object()


def read(event: Any) -> IncomingEvent:
    return read_event(message(event))


def verdict(event: Any) -> str | None:
    """Why an event cannot be used, or None."""
    try:
        read(event)
    except UnusableEvent as error:
        return str(error)
    return None


def without(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not MISSING}


def test_there_is_a_schema_and_a_sample_for_each_type() -> None:
    assert set(CATALOGUE) == incoming_types() == set(DATA)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_a_good_event_is_read_and_valid(kind: str) -> None:
    read(envelope(kind))

    validator(f"incoming/{kind}").validate(envelope(kind))


@pytest.mark.parametrize("kind", CATALOGUE)
@given(choices=st.data())
def test_parser_and_schema_agree_on_changed_events(kind: str, choices: st.DataObject) -> None:
    event = envelope(kind)
    names = choices.draw(st.lists(st.sampled_from(sorted(fields_of(kind))), min_size=1, max_size=2))
    for name in names:
        value = choices.draw(st.sampled_from([*VALUES, MISSING]))
        if name.startswith("data."):
            event["data"] = without({**event["data"], name.removeprefix("data."): value})
        else:
            event = without({**event, name: value})
            break

    assert (verdict(event) is None) == validator(f"incoming/{kind}").is_valid(event), verdict(event)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_parser_and_schema_agree_on_how_long_a_text_and_how_large_a_number_may_be(kind: str) -> None:
    schema = validator(f"incoming/{kind}")
    for name in schema.schema["properties"]["data"]["properties"]:
        for value in BORDERS:
            event = envelope(kind, data={**DATA[kind], name: value})

            assert (verdict(event) is None) == schema.is_valid(event), (name, value)


def fields_of(kind: str) -> set[str]:
    schema = validator(f"incoming/{kind}").schema["properties"]
    return {"id", "source", "time", "data"} | {f"data.{name}" for name in schema["data"]["properties"]}


def mark_of(family: Family) -> EventMark:
    return EventMark("/outside|event-1", family, "phone-1", ELEVEN)


PAYMENT_MARK = EventMark("/outside|event-1", Family.BILLING, "acme|alice", ELEVEN)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("device.failed", DeviceFailed(mark_of(Family.DEVICE), "phone-1", "No answer for a minute")),
        (
            "device.status_changed",
            DeviceStatusChanged(mark_of(Family.DEVICE), "phone-1", "running", DeviceStatus.ERROR, None),
        ),
        ("device.deleted", DeviceDeleted(mark_of(Family.DELETION), "phone-1", None)),
        ("device.maintenance", DeviceMaintenance(mark_of(Family.DEVICE), "phone-1", "battery", 30, None)),
        (
            "device.heartbeat",
            DeviceHeartbeat(mark_of(Family.HEARTBEAT), "phone-1", 12.5, 40, 0, ELEVEN),
        ),
        ("device.recycled", DeviceRecycled(mark_of(Family.RECYCLING), "phone-1")),
        ("user.suspended", UserSuspended(MARK, ALICE)),
        ("user.deleted", UserDeleted(MARK, ALICE)),
        ("user.activated", UserActivated(MARK, ALICE)),
        (
            "user.quota_updated",
            UserQuotaUpdated(
                EventMark("/outside|event-1", Family.QUOTA, "acme|alice", ELEVEN),
                ALICE,
                QuotaLimits(devices=2, memory_mb=16 * 1024),
                {"maxDevices": 2, "totalMemoryGB": 16, "maxCpuCoresPerDevice": -1},
            ),
        ),
        ("billing.overdue", BillingOverdue(PAYMENT_MARK, ALICE, "pay-1", 9.5, "EUR")),
        ("billing.payment_failed", PaymentFailed(PAYMENT_MARK, ALICE, "pay-1", 9.5, "EUR")),
        ("billing.payment_success", PaymentSucceeded(PAYMENT_MARK, ALICE, "pay-1", 9.5, "EUR")),
    ],
)
def test_an_event_is_read_to_what_it_tells(kind: str, expected: IncomingEvent) -> None:
    assert read(envelope(kind)) == expected


def test_only_events_that_undo_each_other_are_of_one_family() -> None:
    assert {kind: known.family for kind, known in CATALOGUE.items() if kind.startswith("device.")} == {
        "device.failed": Family.DEVICE,
        "device.status_changed": Family.DEVICE,
        "device.deleted": Family.DELETION,
        "device.maintenance": Family.DEVICE,
        "device.heartbeat": Family.HEARTBEAT,
        "device.recycled": Family.RECYCLING,
    }


def test_a_bare_event_takes_what_it_lacks_from_its_message() -> None:
    event = read({"type": "user.suspended", "data": {"userId": "alice"}})

    assert event == UserSuspended(
        EventMark("|sqs:message-1", Family.USER, "default|alice", NOON), User("default", "alice")
    )


def test_a_bare_event_keeps_its_own_id() -> None:
    assert read({"type": "user.suspended", "id": "mine", "data": {"userId": "alice"}}).mark.id == "|mine"


def test_an_event_of_eventbridge_is_read_like_any_other() -> None:
    event = {
        "version": "0",
        "id": "event-1",
        "detail-type": "user.suspended",
        "source": "/outside",
        "account": "123456789012",
        "time": "2026-03-02T11:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": DATA["user.suspended"],
    }

    assert read(event) == read(envelope("user.suspended"))


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-03-02T12:00:00+01:00", ELEVEN),
        ("2026-03-02t11:00:00z", ELEVEN),
        ("2026-03-02T12:00:00.000001Z", NOON),
        ("2062-01-01T00:00:00Z", NOON),
        (None, NOON),
    ],
)
def test_no_event_happened_after_it_was_sent(told: str | None, at: datetime) -> None:
    assert read(envelope("user.suspended", time=told)).mark.at == at


@pytest.mark.usefixtures("in_tokyo")
def test_when_an_event_happened_is_told_in_utc_wherever_that_is() -> None:
    at = read(envelope("user.suspended", time="2026-03-02T12:00:00+01:00")).mark.at

    assert at.isoformat() == "2026-03-02T11:00:00+00:00"


def test_a_heartbeat_without_its_time_was_observed_when_it_happened_and_none_after_that() -> None:
    observed = [
        read(envelope("device.heartbeat", data={**DATA["device.heartbeat"], "observedAt": at}))
        for at in (None, "2026-03-02T11:30:00Z", "2026-03-02T10:30:00Z")
    ]

    assert [event.observed_at for event in observed if isinstance(event, DeviceHeartbeat)] == [
        ELEVEN,
        ELEVEN,
        datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
    ]


def test_an_id_that_the_inbox_cannot_hold_is_kept_as_its_digest() -> None:
    long, other = (read(envelope("user.suspended", id=first * 300)).mark.id for first in "ab")

    assert len(long) == len(other) == len("sha256:") + 64
    assert long != other
    assert read(envelope("user.suspended", id="i" * 246)).mark.id == "/outside|" + "i" * 246


@pytest.mark.parametrize(
    ("most", "limits", "told"),
    [(2_000_000_000, QuotaLimits(devices=2_000_000_000), 2_000_000_000), (1e300, QuotaLimits(), -1)],
)
def test_limits_beyond_counting_are_none(most: float, limits: QuotaLimits, told: int) -> None:
    event = read(envelope("user.quota_updated", data={"userId": "a", "limits": {"maxDevices": most, "other": 1}}))

    assert isinstance(event, UserQuotaUpdated)
    assert (event.limits, event.told) == (limits, {"maxDevices": told})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "it is no JSON"),
        ("no json", "it is no JSON"),
        ('{"type": NaN}', "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "it is no JSON object"),
        ("null", "it is no JSON object"),
        ("{}", "unknown type None"),
        ('{"type": ["a"], "data": {}}', "unknown type ['a']"),
        (json.dumps({"type": "device.exploded\n", "data": {}}), r"unknown type 'device.exploded\n'"),
        (json.dumps({"type": "user.suspended"}), "data is no object"),
        (json.dumps({"detail-type": "user.suspended", "detail": 1}), "detail is no object"),
        (json.dumps({"type": "user.suspended", "data": {}}), "data.userId is missing"),
        (
            json.dumps({"type": "user.suspended", "data": {"userId": 7}}),
            "data.userId is no text of 1 to 255 characters",
        ),
        (json.dumps(envelope("user.suspended", specversion="0.3")), "specversion is not 1.0"),
        (json.dumps(envelope("user.suspended", id="")), "id is no text"),
        (json.dumps(envelope("user.suspended", source=7)), "source is no text"),
        (json.dumps(envelope("user.suspended", time="soon")), "time is no RFC 3339 time"),
        (json.dumps(envelope("user.suspended", time="0001-01-01T00:00:00+09:00")), "time is no time of the calendar"),
        (
            json.dumps(envelope("device.status_changed", data={"deviceId": "d", "oldStatus": "a", "newStatus": "b"})),
            "data.newStatus is none of running, stopped, error, maintenance",
        ),
        (
            json.dumps(envelope("device.heartbeat", data=DATA["device.heartbeat"] | {"cpuUsage": 101})),
            "data.cpuUsage is no number from 0 to 100",
        ),
        (json.dumps(envelope("device.heartbeat", data={"deviceId": "phone-1"})), "data.cpuUsage is missing"),
        (
            json.dumps(envelope("device.heartbeat", data=DATA["device.heartbeat"] | {"observedAt": "now"})),
            "data.observedAt is no RFC 3339 time",
        ),
        (json.dumps(envelope("user.quota_updated", data={"userId": "a"})), "data.limits is no object"),
        (
            json.dumps(envelope("user.quota_updated", data={"userId": "a", "limits": {"maxDevices": -2}})),
            "data.limits: maxDevices is negative",
        ),
    ],
)
def test_what_cannot_be_used_says_why(body: str, reason: str) -> None:
    assert verdict(body) == reason


def test_a_reason_is_short_however_long_the_type() -> None:
    assert verdict({"type": "x" * 100_000, "data": {}}) == "unknown type '" + "x" * 99
