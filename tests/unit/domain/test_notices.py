"""What users are told: the catalogue is whole in both languages, and every event becomes what its user is to read."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.domain.events import BrokenEvent, EventType
from scheduler.domain.model import DeviceWants, Language, User
from scheduler.domain.notices import (
    CATALOGUE,
    Channel,
    Condition,
    NoticeType,
    Priority,
    Text,
    notice_of,
    placeholders,
    reason_in,
    type_in_file,
)
from scheduler.domain.quota import parse_document
from tests.support.schemas import FOLDER

ENTRIES = [pytest.param(entry, id=name) for name, entry in CATALOGUE.items()]
SECRET = {"fencingToken", "adbHost", "adbPort"}
LONGEST_TITLE = 200
LONGEST_MESSAGE = 4000
LONGEST_FACT = 255

ALLOCATED = {
    "allocationId": "45498d1d-8433-43e8-9fab-e0212fd09f02",
    "deviceId": "phone-1",
    "userId": "ana",
    "tenantId": "acme",
    "allocatedAt": "2026-11-23T17:42:26.290382Z",
    "expiresAt": "2026-11-23T18:12:26.290382Z",
    "durationMinutes": 30,
    "fencingToken": 7,
    "remainingDevices": 9,
}
REVOKED = {
    "allocationId": "45498d1d-8433-43e8-9fab-e0212fd09f02",
    "deviceId": "phone-1",
    "userId": "ana",
    "tenantId": "acme",
    "allocatedAt": "2026-11-23T17:42:26.290382Z",
    "revokedAt": "2026-11-23T18:00:00.000000Z",
    "durationSeconds": 1053,
}
RESERVED = {
    "reservationId": "1f0b0d55-6a5e-4a0d-9a0e-0c2f6b8a7d11",
    "userId": "ana",
    "tenantId": "acme",
    "deviceId": "phone-1",
    "startTime": "2026-11-24T09:00:00.000000Z",
    "endTime": "2026-11-24T10:00:00.000000Z",
    "durationMinutes": 60,
}


def event(type_: str, data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "event-1", "type": type_, "source": "/scheduler", "data": data | changes}


def data_schema(entry: NoticeType) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((FOLDER / f"{entry.event}.json").read_text())["properties"]["data"]
    return schema


# --- the catalogue


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_says_something_of_its_own_in_each_language(entry: NoticeType) -> None:
    assert set(entry.texts) == set(Language)
    assert all(text.title and text.message for text in entry.texts.values())
    assert any("\u4e00" <= letter <= "\u9fff" for letter in entry.texts[Language.ZH].title)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in entry.texts[Language.ZH].message)


@pytest.mark.parametrize("entry", ENTRIES)
def test_both_languages_show_the_same_fields_and_only_such_as_the_notice_carries(entry: NoticeType) -> None:
    english, chinese = (placeholders(entry.texts[language].message) for language in (Language.EN, Language.ZH))

    assert english == chinese <= set(entry.fields)
    assert all(not placeholders(text.title) for text in entry.texts.values())


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_field_is_one_that_the_event_always_has_but_for_a_reason(entry: NoticeType) -> None:
    schema = data_schema(entry)
    asked = {entry.once_for, entry.once_a_while, entry.when and entry.when.field} - {None}

    assert set(entry.fields) | asked <= set(schema["properties"])
    assert set(entry.fields) - {"reason"} - asked <= set(schema["required"])
    assert {"userId", "tenantId"} <= set(schema["required"])


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_notice_carries_no_token_and_no_address(entry: NoticeType) -> None:
    assert SECRET.isdisjoint(entry.fields)


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_list_within_the_app_has_every_notice(entry: NoticeType) -> None:
    assert entry.channels[0] is Channel.IN_APP
    assert len(set(entry.channels)) == len(entry.channels)


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_longest_text_fits_where_it_is_kept(entry: NoticeType) -> None:
    for text in entry.texts.values():
        assert len(text.title) <= LONGEST_TITLE
        assert len(text.message) + 500 * len(placeholders(text.message)) <= LONGEST_MESSAGE


def test_each_event_has_one_entry_for_all_that_no_other_is_meant_for() -> None:
    plain = Counter(entry.event for entry in CATALOGUE.values() if entry.when is None)

    assert set(plain) == {entry.event for entry in CATALOGUE.values()}
    assert set(plain.values()) == {1}


def test_no_two_entries_are_meant_for_the_same_reason() -> None:
    reasons = [
        (entry.event, reason)
        for entry in CATALOGUE.values()
        if entry.when is not None
        for reason in entry.when.values or [entry.when.field]
    ]

    assert len(set(reasons)) == len(reasons)


PLAIN = {
    "event": "scheduler.reservation.reminder",
    "channels": ["in_app", "push"],
    "priority": "high",
    "fields": ["reservationId", "startTime"],
    "en": {"title": "Soon", "message": "It starts at {startTime}."},
    "zh": {"title": "即将开始", "message": "将于 {startTime} 开始。"},
}
PLAIN_TYPE = NoticeType(
    name="reminder",
    event=EventType.RESERVATION_REMINDER,
    channels=(Channel.IN_APP, Channel.PUSH),
    priority=Priority.HIGH,
    fields=("reservationId", "startTime"),
    texts={
        Language.EN: Text("Soon", "It starts at {startTime}."),
        Language.ZH: Text("即将开始", "将于 {startTime} 开始。"),
    },
    when=None,
    once_for=None,
    once_a_while=None,
    is_bare_grant=False,
)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        pytest.param({}, {}, id="for all events of its type"),
        pytest.param({"once_for": "seriesId"}, {"once_for": "seriesId"}, id="once for many"),
        pytest.param({"once_a_while": "endTime"}, {"once_a_while": "endTime"}, id="once in a while"),
        pytest.param({"is_bare_grant": True}, {"is_bare_grant": True}, id="a bare grant"),
        pytest.param({"when": {"field": "reason"}}, {"when": Condition("reason")}, id="for those with a field"),
        pytest.param(
            {"when": {"field": "reason", "is": ["late", "lost"]}},
            {"when": Condition("reason", ("late", "lost"))},
            id="for those with one of some values",
        ),
    ],
)
def test_an_entry_of_the_file_is_read_whole(told: dict[str, Any], meant: dict[str, Any]) -> None:
    assert type_in_file("reminder", PLAIN | told) == replace(PLAIN_TYPE, **meant)


@pytest.mark.parametrize(
    ("reason", "chinese"),
    [
        ("User is suspended", "用户已被停用"),
        ("Device quota exceeded. Max: 10, Current: 9", "设备数量已达上限（上限 10 台，当前 9 台）"),
        ("Device failed", "设备发生故障"),
        ("Device failed: no signal\nat all", "设备发生故障：no signal\nat all"),
        ("Abuse: {0} was reported", "Abuse: {0} was reported"),
        ("User is suspended?", "User is suspended?"),
        (None, "未说明"),
    ],
)
def test_a_reason_of_ours_is_translated_and_others_are_shown_as_they_came(reason: str | None, chinese: str) -> None:
    assert reason_in(Language.ZH, reason) == chinese
    assert reason_in(Language.EN, reason) == (reason or "none was given")


@pytest.mark.parametrize(
    "wants", [DeviceWants(min_cpu=9), DeviceWants(min_memory_mb=9), DeviceWants(min_storage_mb=9999)]
)
@pytest.mark.parametrize("status", ["active", "suspended", "expired"])
def test_every_reason_of_a_quota_document_is_translated(status: str, wants: DeviceWants) -> None:
    limits = {"maxCpuCoresPerDevice": 8, "maxMemoryMBPerDevice": 8, "maxStorageGBPerDevice": 8}
    terms = parse_document({"status": status, "planName": "pro", "limits": limits}).terms_for(wants)

    assert terms.refusal is not None
    assert reason_in(Language.ZH, terms.refusal) != terms.refusal


# --- an event


def test_an_event_becomes_a_notice_in_both_languages() -> None:
    notice = notice_of(event("device.allocated", ALLOCATED))

    assert notice.fact == "event-1"
    assert notice.type == "allocation_granted"
    assert notice.user == User("acme", "ana")
    assert notice.channels == (Channel.IN_APP, Channel.PUSH)
    assert notice.priority is Priority.NORMAL
    assert notice.grant == ALLOCATED["allocationId"]
    assert notice.texts == {
        Language.EN: Text("Your device is ready", "Device phone-1 is yours until 2026-11-23 18:12 UTC."),
        Language.ZH: Text("设备已就绪", "设备 phone-1 已分配给您，可使用至 2026-11-23 18:12 UTC。"),
    }


def test_a_notice_carries_the_fields_of_its_entry_as_the_event_has_them() -> None:
    carried = ("allocationId", "deviceId", "allocatedAt", "expiresAt", "durationMinutes")

    assert notice_of(event("device.allocated", ALLOCATED)).data == {name: ALLOCATED[name] for name in carried}


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        pytest.param("A payment is overdue", "Reason: A payment is overdue", id="a debt"),
        pytest.param("Abuse was reported", "Reason: Abuse was reported", id="an operator's words"),
        pytest.param(None, "Reason: none was given", id="no reason"),
        pytest.param("", "Reason: none was given", id="an empty reason"),
    ],
)
def test_what_was_taken_back_is_told_with_its_reason(reason: str | None, said: str) -> None:
    notice = notice_of(event("scheduler.allocation.revoked", REVOKED, reason=reason))

    assert notice.type == "allocation_revoked"
    assert said in notice.texts[Language.EN].message
    assert notice.data["reason"] == reason
    assert notice.grant is None


@pytest.mark.parametrize(
    ("reason", "type_", "said"),
    [
        ("A payment is overdue", "billing_overdue", "because a payment is overdue"),
        ("Payments failed three times", "billing_payments_failed", "because payments failed three times"),
        ("User is suspended", "user_blocked", "Reason: User is suspended"),
        ("User is deleted", "user_blocked", "Reason: User is deleted"),
    ],
)
def test_a_block_is_told_by_its_reason(reason: str, type_: str, said: str) -> None:
    blocked = {"userId": "ana", "tenantId": "acme", "reason": reason, "blockedAt": "2026-11-23T18:12:26.290382Z"}
    notice = notice_of(event("scheduler.user.blocked", blocked))

    assert (notice.fact, notice.type) == ("event-1", type_)
    assert said in notice.texts[Language.EN].message
    assert "2026-11-23 18:12 UTC" in notice.texts[Language.ZH].message


@pytest.mark.parametrize(("seconds", "type_"), [(0, "allocation_moved"), (7, "allocation_failed_over")])
def test_a_move_that_cost_no_time_is_told_without_a_failure_and_a_credit(seconds: int, type_: str) -> None:
    moved = {**ALLOCATED, "oldDeviceId": "phone-2", "failedOverAt": "2026-11-23T18:00:00.000000Z"}
    notice = notice_of(event("scheduler.allocation.failed_over", moved, creditedSeconds=seconds))

    assert notice.type == type_
    assert ("out of service" in notice.texts[Language.EN].message) == (seconds > 0)
    assert ("停止服务" in notice.texts[Language.ZH].message) == (seconds > 0)
    assert (f"{seconds} seconds" in notice.texts[Language.EN].message) == (seconds > 0)


def test_a_revocation_without_a_reason_is_told_without() -> None:
    notice = notice_of(event("scheduler.allocation.revoked", REVOKED))

    assert notice.texts[Language.ZH].message.endswith("原因：未说明")
    assert notice.data["reason"] is None


def test_the_occurrences_of_a_series_are_one_fact() -> None:
    series = "0f6d2c11-43a5-4c1c-8d0a-9d6ce1f5c3b2"
    notices = [
        notice_of({**event("scheduler.reservation.created", RESERVED, seriesId=series), "id": f"event-{number}"})
        for number in range(2)
    ]

    assert {(notice.fact, notice.type) for notice in notices} == {(series, "reservation_series_created")}


def test_a_reservation_of_its_own_is_a_fact_of_its_own() -> None:
    notice = notice_of(event("scheduler.reservation.created", RESERVED))

    assert (notice.fact, notice.type) == ("event-1", "reservation_created")


FULL = "Device quota exceeded. Max: 10, Current: 10"


def refusal(at: str, type_: str = "quota_exceeded", event_id: str = "event-1", **changes: Any) -> tuple[str, str]:
    data = {"userId": "ana", "tenantId": "acme", "reason": FULL, "timestamp": at} | changes
    notice = notice_of(event(f"scheduler.allocation.{type_}", data) | {"id": event_id})
    return notice.fact, notice.type


@pytest.mark.parametrize(("type_", "reason"), [("failed", "no_available_devices"), ("quota_exceeded", FULL)])
def test_refusals_within_ten_minutes_are_one_fact(type_: str, reason: str) -> None:
    times = ("2026-03-02T09:10:00.000000Z", "2026-03-02T09:15:00Z", "2026-03-02T10:19:59.999999+01:00")

    facts = {refusal(at, type_, f"event-{number}", reason=reason) for number, at in enumerate(times)}

    assert len(facts) == 1
    assert len(next(iter(facts))[0]) <= LONGEST_FACT


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"at": "2026-03-02T09:20:00.000000Z"}, id="in the next ten minutes"),
        pytest.param({"at": "2026-03-02T09:09:59.999999Z"}, id="in the ten minutes before"),
        pytest.param({"userId": "bob"}, id="of another user"),
        pytest.param({"tenantId": "globex"}, id="of another tenant"),
        pytest.param({"userId": "acme", "tenantId": "ana"}, id="of a user who is called like the tenant"),
        pytest.param({"reason": "Quota suspended"}, id="for another kind of reason"),
    ],
)
def test_a_refusal_is_another_fact(other: dict[str, Any]) -> None:
    assert refusal(**{"at": "2026-03-02T09:15:00.000000Z"} | other) != refusal("2026-03-02T09:15:00.000000Z")


def test_other_numbers_in_a_reason_are_no_other_reason() -> None:
    other = "Device quota exceeded. Max: 9, Current: 9"

    assert refusal("2026-03-02T09:15:00Z", reason=other) == refusal("2026-03-02T09:15:00Z")


@pytest.mark.parametrize(("reason", "kind"), [(FULL, "Device quota exceeded. Max: {}, Current: {}"), ("full", None)])
def test_a_release_after_this_one_names_a_refusal_as_this_one_does(reason: str, kind: str | None) -> None:
    at = datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
    named = json.dumps(["acme", "ana", kind, int(at.timestamp()) // 600])

    assert refusal("2026-03-02T09:15:00Z", reason=reason)[0] == hashlib.sha256(named.encode()).hexdigest()


def test_an_event_without_a_tenant_belongs_to_the_default_one() -> None:
    assert notice_of(event("device.allocated", ALLOCATED, tenantId=None)).user == User("default", "ana")


@pytest.mark.usefixtures("in_tokyo")
def test_every_time_is_told_in_utc_wherever_that_is() -> None:
    notice = notice_of(event("scheduler.reservation.reminder", RESERVED, endTime="2026-11-24T11:00:00+01:00"))

    assert notice.texts[Language.EN] == Text(
        "Your reservation starts soon",
        "Your reservation starts at 2026-11-24 09:00 UTC and ends at 2026-11-24 10:00 UTC.",
    )


def test_a_long_value_is_cut_and_braces_in_it_are_only_text() -> None:
    notice = notice_of(event("scheduler.allocation.revoked", REVOKED, reason="{deviceId}" + "x" * 600))

    assert notice.texts[Language.EN].message.endswith("Reason: {deviceId}" + "x" * 490)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({}, id="nothing"),
        pytest.param(event("device.allocated", ALLOCATED) | {"id": None}, id="no id"),
        pytest.param(event("device.allocated", ALLOCATED) | {"data": None}, id="no data"),
        pytest.param(event("device.allocated", ALLOCATED) | {"data": []}, id="a list for data"),
        pytest.param(event("device.allocated", ALLOCATED, userId=""), id="no user"),
        pytest.param(event("device.allocated", ALLOCATED, tenantId=5), id="a number for a tenant"),
        pytest.param(event("device.allocated", ALLOCATED, deviceId=None), id="no device"),
        pytest.param(event("device.allocated", ALLOCATED, deviceId={"id": 1}), id="an object for a device"),
        pytest.param(event("device.allocated", ALLOCATED, deviceId=["phone-1"]), id="a list for a device"),
        pytest.param(event("device.allocated", ALLOCATED, expiresAt="soon"), id="no time"),
        pytest.param(event("device.allocated", ALLOCATED, expiresAt=5), id="a number for a time"),
        pytest.param(event("scheduler.allocation.failed", ALLOCATED, reason="full"), id="a refusal without a time"),
        pytest.param(event("scheduler.allocation.renewed", ALLOCATED), id="an event that nobody is told of"),
        pytest.param(event("device.exploded", ALLOCATED), id="an unknown event"),
    ],
)
def test_an_event_that_cannot_be_told_is_broken(broken: dict[str, Any]) -> None:
    with pytest.raises(BrokenEvent, match="tells nobody anything"):
        notice_of(broken)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        pytest.param(
            event("device.allocated", ALLOCATED, userId=""), "TypeError a text is missing", id="an empty text"
        ),
        pytest.param(
            event("device.allocated", ALLOCATED, deviceId=None), "TypeError a value is missing", id="no value"
        ),
        pytest.param(
            event("scheduler.allocation.renewed", ALLOCATED),
            "ValueError no notice for scheduler.allocation.renewed",
            id="a type that nobody is told of",
        ),
    ],
)
def test_a_broken_event_says_what_is_wrong(broken: dict[str, Any], why: str) -> None:
    with pytest.raises(BrokenEvent) as refused:
        notice_of(broken)

    assert str(refused.value) == f"event 'event-1' tells nobody anything: {why}"


def test_every_event_of_the_catalogue_is_one_that_goes_out() -> None:
    assert {entry.event for entry in CATALOGUE.values()} <= set(EventType)
