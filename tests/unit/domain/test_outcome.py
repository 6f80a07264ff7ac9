"""The facts of the database mean a grant, an end, or one certain refusal."""

from datetime import UTC, datetime

import pytest

from scheduler.domain import errors
from scheduler.domain.alternatives import RETRY_AFTER_SECONDS
from scheduler.domain.model import Allocation, AllocationStatus, EndedAllocation, User
from scheduler.domain.outcome import (
    BALANCE_RETRY_AFTER_SECONDS,
    QUOTA_RETRY_AFTER_SECONDS,
    JoinedBefore,
    accepted,
    ended_allocation,
    granted_allocation,
)

GRANTED = {
    "outcome": "granted",
    "allocationId": "526a25bf-860d-4d89-8df4-1131ca8403c9",
    "deviceId": "phone-1",
    "deviceName": "Pixel 9 Pro 01",
    "deviceStatus": "running",
    "userId": "ana",
    "tenantId": "acme",
    "allocatedAt": "2026-03-02T12:00:00.123456Z",
    "expiresAt": "2026-03-02T13:00:00.123456Z",
    "durationMinutes": 60,
    "fencingToken": 7,
    "adbHost": "10.0.0.7",
    "adbPort": 5555,
}


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        pytest.param({"outcome": "none_free"}, errors.NoAvailableDevices, id="none free"),
        pytest.param(
            {"outcome": "over_quota", "reason": "Max: 1", "remainingDevices": 0}, errors.QuotaExceeded, id="over quota"
        ),
        pytest.param({"outcome": "insufficient_balance"}, errors.InsufficientBalance, id="insufficient balance"),
        pytest.param({"outcome": "not_found"}, errors.AllocationNotFound, id="not found"),
        pytest.param({"outcome": "not_active"}, errors.AllocationNotActive, id="not active"),
        pytest.param({"outcome": "stale_fence"}, errors.StaleFencingToken, id="stale fence"),
        pytest.param({"outcome": "device_exists", "ids": ["phone-1"]}, errors.DeviceExists, id="device exists"),
        pytest.param({"outcome": "device_not_found"}, errors.DeviceNotFound, id="device not found"),
        pytest.param({"outcome": "key_reused"}, errors.IdempotencyKeyReused, id="key reused"),
        pytest.param({"outcome": "in_progress"}, errors.RequestInProgress, id="in progress"),
        pytest.param({"outcome": "entry_not_found"}, errors.QueueEntryNotFound, id="entry not found"),
        pytest.param({"outcome": "not_waiting"}, errors.QueueEntryNotWaiting, id="not waiting"),
        pytest.param({"outcome": "reservation_not_found"}, errors.ReservationNotFound, id="reservation not found"),
        pytest.param({"outcome": "reservation_not_pending"}, errors.ReservationNotPending, id="not pending"),
        pytest.param({"outcome": "webhook_not_found"}, errors.WebhookNotFound, id="webhook not found"),
        pytest.param({"outcome": "webhook_disabled"}, errors.WebhookDisabled, id="webhook disabled"),
        pytest.param({"outcome": "too_many_webhooks"}, errors.TooManyWebhooks, id="too many webhooks"),
    ],
)
def test_an_outcome_that_refuses_is_raised(facts, refusal):
    with pytest.raises(refusal):
        accepted(facts)


@pytest.mark.parametrize("outcome", ["granted", "released", "expired", "registered", "changed"])
def test_an_outcome_that_was_carried_out_passes(outcome):
    assert accepted({"outcome": outcome}) == {"outcome": outcome}


@pytest.mark.parametrize(
    ("outcome", "seconds", "members"),
    [
        ("none_free", RETRY_AFTER_SECONDS, {"alternatives": []}),
        ("quota_unavailable", QUOTA_RETRY_AFTER_SECONDS, {}),
        ("balance_unavailable", BALANCE_RETRY_AFTER_SECONDS, {}),
        ("in_progress", 1, {}),
    ],
)
def test_what_passes_by_itself_says_when_to_come_back(outcome, seconds, members):
    with pytest.raises(errors.SchedulerError) as refusal:
        accepted({"outcome": outcome})

    assert refusal.value.retryable
    assert (refusal.value.retry_after_seconds, refusal.value.members) == (seconds, members)


def test_want_of_devices_says_when_one_frees_and_what_is_possible_meanwhile():
    asked = {"userId": "ana", "minCpu": None, "minMemory": None, "minStorage": None}
    facts = {"asked": asked, "shorterMinutes": None, "smaller": None, "later": None, "canWait": True}

    with pytest.raises(errors.NoAvailableDevices) as refusal:
        accepted({"outcome": "none_free", "freesInSeconds": 7} | facts)

    assert refusal.value.retry_after_seconds == 7
    assert [offer["kind"] for offer in refusal.value.members["alternatives"]] == ["wait"]


def test_who_could_wait_for_ever_is_told_so_and_offered_nothing():
    with pytest.raises(errors.NoAvailableDevices) as refusal:
        accepted({"outcome": "nothing_fits"})

    assert refusal.value.detail == "No device in service meets these specs: waiting would not help"
    assert (refusal.value.members, refusal.value.retry_after_seconds) == ({"alternatives": []}, None)


def test_a_forbidden_call_says_why():
    with pytest.raises(errors.Forbidden) as refusal:
        accepted({"outcome": "forbidden", "reason": "The user is suspended"})

    assert refusal.value.detail == "The user is suspended"


@pytest.mark.parametrize("entry_id", ["e-1", None])
def test_who_waits_already_is_told_which_wait_it_is_if_that_is_known(entry_id):
    with pytest.raises(errors.AlreadyQueued) as refusal:
        accepted({"outcome": "already_queued"} | ({"entryId": entry_id} if entry_id else {}))

    assert refusal.value.members == {"entryId": entry_id}


def test_a_conflict_names_what_stands_in_the_way_and_the_next_windows():
    window, next_one = {"startTime": "12:00"}, {"startTime": "13:00"}

    with pytest.raises(errors.ReservationConflict) as refusal:
        accepted({"outcome": "reservation_conflict", "conflicts": [window], "nextWindows": [next_one]})

    assert refusal.value.members == {"conflicts": [window], "nextWindows": [next_one]}


def test_a_wrong_start_is_an_error_of_that_field():
    with pytest.raises(errors.ValidationFailed) as refusal:
        accepted({"outcome": "wrong_start", "detail": "It is over"})

    assert refusal.value.members == {"errors": [{"field": "startTime", "detail": "It is over"}]}


def test_a_quota_refusal_says_why_and_how_much_is_left():
    reason = "Device quota exceeded. Max: 10, Current: 10"

    with pytest.raises(errors.QuotaExceeded) as refusal:
        accepted({"outcome": "over_quota", "reason": reason, "remainingDevices": 0})

    assert (refusal.value.detail, refusal.value.members) == (reason, {"remainingDevices": 0})


def test_a_cap_says_whose_it_is_and_of_what():
    with pytest.raises(errors.CapExceeded) as refusal:
        accepted({"outcome": "cap_reached", "what": "waits", "whose": "tenant", "cap": 7})

    assert refusal.value.detail == "The tenant may have 7 waits at a time"


def test_devices_that_exist_are_named():
    with pytest.raises(errors.DeviceExists) as refusal:
        accepted({"outcome": "device_exists", "ids": ["phone-1", "phone-2"]})

    assert refusal.value.detail == "Registered already or given twice: phone-1, phone-2"


def test_a_grant_is_read_whole():
    assert granted_allocation(GRANTED) == Allocation(
        id="526a25bf-860d-4d89-8df4-1131ca8403c9",
        device_id="phone-1",
        device_name="Pixel 9 Pro 01",
        device_status="running",
        user=User("acme", "ana"),
        status=AllocationStatus.ALLOCATED,
        allocated_at=datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC),
        expires_at=datetime(2026, 3, 2, 13, 0, 0, 123456, tzinfo=UTC),
        duration_minutes=60,
        fencing_token=7,
        adb_host="10.0.0.7",
        adb_port=5555,
    )


def test_a_claim_whose_key_was_answered_with_a_place_in_line_names_that():
    with pytest.raises(JoinedBefore, match="e-1") as waits:
        granted_allocation({"outcome": "joined", "entryId": "e-1"})

    assert waits.value.entry_id == "e-1"


@pytest.mark.parametrize("outcome", ["released", "expired"])
def test_an_end_says_what_ended_it(outcome):
    facts = {"outcome": outcome, "allocationId": "a-1", "deviceId": "phone-1", "userId": "ana", "tenantId": "acme"}

    assert ended_allocation(facts | {"durationSeconds": 59}) == EndedAllocation(
        id="a-1", device_id="phone-1", user=User("acme", "ana"), status=AllocationStatus(outcome), duration_seconds=59
    )
