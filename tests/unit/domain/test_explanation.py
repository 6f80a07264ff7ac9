"""Facts of the database are read as explanations: what each says, and who speaks first."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scheduler.domain.explanation import (
    FILTERS,
    Candidate,
    Decision,
    Excluded,
    explained_allocation,
    explained_request,
    placement_now,
)
from scheduler.domain.model import DeviceWants
from scheduler.domain.placement import Standing, appraise
from scheduler.domain.placement_document import written
from scheduler.domain.placement_model import PlacementModel
from scheduler.domain.placement_record import Record

AT = "2026-03-02T09:00:00Z"
FOUND = {
    "deviceId": "a",
    "cpuCores": 4,
    "memoryMB": 4096,
    "storageMB": 65536,
    "score": 70.0,
    "parts": {"cpuFree": 70.0},
}
CANDIDATE = Candidate("a", 4, 4096, 65536, 70.0, {"cpuFree": 70.0})
ASKED = {"durationMinutes": 30, "deviceType": "android-14", "minCpu": 4, "minMemory": 1024, "minStorage": 2048}
SMALLER = {"minCpu": 2, "minMemory": None, "minStorage": None}


def pools(*found: dict[str, Any], **excluded: int) -> dict[str, Any]:
    return {
        "at": AT,
        "strategy": "best_fit",
        "considered": 12,
        "fitting": 3,
        "capped": True,
        "candidates": list(found),
        "excluded": excluded,
    }


def allocation(decision: Any) -> dict[str, Any]:
    return {
        "allocationId": "id",
        "deviceId": "a",
        "userId": "alice",
        "tenantId": "acme",
        "status": "released",
        "allocatedAt": AT,
        "fromReservation": True,
        "movedTimes": 2,
        "decision": decision,
        "asked": ASKED,
        "now": pools(FOUND),
    }


def request(refusal: str | None, now: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"refusal": refusal, "remainingDevices": 7, "now": now} | more


def offering(now: dict[str, Any]) -> dict[str, Any]:
    """What a request that found nothing could have instead."""
    asked = ASKED | {"tenantId": "acme", "userId": "alice"}
    offers = {"shorterMinutes": None, "smaller": SMALLER, "later": None, "canWait": False, "freesInSeconds": 90}
    return request(None, now, asked=asked, **offers)


def test_the_pools_are_told_as_they_are() -> None:
    now = placement_now(pools(FOUND, taken=4, too_small=5))

    assert now.at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert (now.strategy, now.considered, now.fitting, now.capped) == ("best_fit", 12, 3, True)
    assert now.candidates == [CANDIDATE]
    assert now.excluded == [
        Excluded("too_small", 5, FILTERS["too_small"]),
        Excluded("taken", 4, FILTERS["taken"]),
    ]
    assert now.has("taken")
    assert not now.has("overdue")


def test_candidates_are_priced_by_the_published_model() -> None:
    model = PlacementModel(name="m", trained_at=datetime(2026, 1, 1, tzinfo=UTC))
    at = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()
    own, host, kind = (Record(failed, 10.0 * failed, as_of=at) for failed in (1.0, 3.0, 7.0))
    places = {("device", "a"): own, ("host", "h"): host, ("kind", "X1"): kind}
    kept = [{"scope": scope, "id": name} | asdict(record) for (scope, name), record in places.items()]
    found = FOUND | {"host": "h", "kind": "X1", "records": kept, "fit": 0.25}

    now = placement_now(pools(found) | {"document": json.loads(written(model))})

    standing = Standing(own=own, host=host, of_kind=kind, kind="X1")
    assert now.model == "m"
    assert [one.costs for one in now.candidates] == [replace(appraise(model, standing, at).costs, fit=0.25)]


def test_how_scarce_a_device_is_is_unknown_until_it_was_appraised() -> None:
    found = FOUND | {"host": None, "kind": None, "records": [], "fit": None}

    now = placement_now(pools(found) | {"document": json.loads(written(PlacementModel()))})

    assert [one.costs.fit for one in now.candidates if one.costs] == [0.0]


def test_a_model_that_cannot_be_read_prices_nothing() -> None:
    now = placement_now(pools(FOUND) | {"document": {"format": 2}})

    assert (now.model, [one.costs for one in now.candidates]) == (None, [None])


def test_an_allocation_is_told_with_what_was_asked() -> None:
    told = explained_allocation(allocation({"strategy": "best_fit", "score": -2.5}))

    assert (told.allocation_id, told.device_id, told.user_id, told.tenant_id) == ("id", "a", "alice", "acme")
    assert (told.status, told.allocated_at) == ("released", datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert (told.from_reservation, told.moved_times, told.minutes) == (True, 2, 30)
    assert told.wants == DeviceWants("android-14", 4, 1024, 2048)
    assert told.now.candidates == [CANDIDATE]
    assert told.decision == Decision("best_fit", -2.5, explored=False, propensity=1.0, model_version=None)


def test_of_a_weighed_choice_the_rank_and_the_heads_are_told() -> None:
    heads = [{"deviceId": "phone-7", "cost": 0.5}]
    weighed = {"strategy": "smart", "score": -0.5, "rank": 2, "heads": heads, "expectedHours": 0.75}
    told = explained_allocation(allocation(weighed)).decision

    assert told is not None
    assert (told.rank, told.heads) == (2, heads)
    assert (told.trial, told.would_lend, told.expected_hours) == (None, None, 0.75)


def test_by_which_arm_of_a_trial_it_was_lent_is_told() -> None:
    written = {"strategy": "best_fit", "trial": "shadow", "wouldLend": "phone-9"}
    told = explained_allocation(allocation(written)).decision

    assert told is not None
    assert (told.trial, told.would_lend, told.expected_hours) == ("shadow", "phone-9", None)


@pytest.mark.parametrize("written", [None, {}, {"score": 3}])
def test_without_a_strategy_there_was_no_decision(written: Any) -> None:
    assert explained_allocation(allocation(written)).decision is None


def test_what_chance_had_a_part_in_is_told() -> None:
    written = {"strategy": "smart", "explored": True, "propensity": 0.25, "modelVersion": "m-7"}

    assert explained_allocation(allocation(written)).decision == Decision(
        "smart", None, explored=True, propensity=0.25, model_version="m-7"
    )


def test_a_candidate_is_granted() -> None:
    told = explained_request(request(None, pools(FOUND)))

    assert (told.would_grant, told.code, told.refusal, told.remaining_devices) == (True, None, None, 7)
    assert (told.alternatives, told.next_free_in_seconds, told.now.candidates) == ([], None, [CANDIDATE])


def test_what_is_overdue_is_granted_and_nothing_else_offered() -> None:
    told = explained_request(offering(pools(overdue=1)))

    assert (told.would_grant, told.code, told.alternatives) == (True, None, [])


def test_the_quota_refuses_whatever_is_free() -> None:
    told = explained_request(request("Device quota exceeded", pools(FOUND)))

    assert (told.would_grant, told.code, told.refusal) == (False, "quota_exceeded", "Device quota exceeded")


def test_where_nothing_is_free_it_is_told_what_could_be_had() -> None:
    told = explained_request(offering(pools(taken=1)))

    assert (told.would_grant, told.code, told.refusal) == (False, "no_available_devices", None)
    assert [offer["kind"] for offer in told.alternatives] == ["smaller"]
    assert told.next_free_in_seconds == 90
