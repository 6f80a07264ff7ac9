"""What the facts of a batch mean."""

from datetime import UTC, datetime

import pytest

from scheduler.domain.batch import ActiveAllocation, BatchResult, Holdings, batch_result, holdings
from scheduler.domain.errors import AllocationNotFound, NoAvailableDevices, QuotaExceeded, RequestInProgress
from scheduler.domain.outcome import Facts

DONE: Facts = {"outcome": "released", "name": "first"}
OVER_QUOTA: Facts = {"outcome": "over_quota", "reason": "too many", "remainingDevices": 0}


def read(facts: Facts) -> str:
    return str(facts["name"])


def result(*results: Facts, size: int) -> BatchResult[str]:
    return batch_result({"outcome": "done", "results": list(results)}, size, read)


def test_successes_and_failures_keep_their_places() -> None:
    told = result({"outcome": "not_found"}, DONE, OVER_QUOTA, size=3)

    assert told.successes == [(1, "first")]
    assert [(each.index, type(each.error)) for each in told.failures] == [(0, AllocationNotFound), (2, QuotaExceeded)]
    assert told.not_tried == 0


def test_what_was_not_answered_was_not_tried() -> None:
    assert result(DONE, {"outcome": "not_found"}, size=5).not_tried == 3


def test_an_undone_batch_is_the_refusal_of_its_item_with_its_place() -> None:
    with pytest.raises(QuotaExceeded, match="too many") as refusal:
        batch_result({"outcome": "undone", "index": 4, "failure": OVER_QUOTA}, 5, read)

    assert refusal.value.members == {"remainingDevices": 0, "index": 4}


@pytest.mark.parametrize(
    ("gaps", "earliest"),
    [
        pytest.param([[1, "2026-03-01T12:00:00.500000Z", None]], "2026-03-01T12:00:00.500000Z", id="a device frees"),
        pytest.param([[1, "2026-03-01T12:00:00Z", "2026-03-01T12:29:00Z"]], None, id="reserved too soon"),
        pytest.param([], None, id="no device"),
    ],
)
def test_want_of_devices_comes_with_the_earliest_time_for_all(gaps: list[object], earliest: str | None) -> None:
    undone: Facts = {"outcome": "undone", "index": 0, "failure": {"outcome": "none_free"}}

    with pytest.raises(NoAvailableDevices) as refusal:
        batch_result(undone | {"items": [[30, [1, 2]]], "gaps": gaps}, 1, read)

    assert refusal.value.members["earliestForAll"] == earliest


def test_there_is_no_time_for_all_when_one_is_refused_whatever_is_free() -> None:
    undone: Facts = {"outcome": "undone", "index": 0, "failure": {"outcome": "none_free"}}
    gaps = [[1, "2026-03-01T12:00:00Z", None], [1, "2026-03-01T12:00:00Z", None]]

    with pytest.raises(NoAvailableDevices) as refusal:
        batch_result(undone | {"items": [[30, [1]], [None, [1]]], "gaps": gaps}, 2, read)

    assert refusal.value.members["earliestForAll"] is None


def test_a_key_that_is_in_use_refuses_the_whole_batch() -> None:
    with pytest.raises(RequestInProgress):
        batch_result({"outcome": "in_progress"}, 2, read)


def test_only_a_failure_undoes_a_batch() -> None:
    with pytest.raises(ValueError, match=r"^only a failure undoes a batch$"):
        batch_result({"outcome": "undone", "index": 0, "failure": DONE}, 1, read)


@pytest.mark.parametrize("more", [True, False])
def test_what_a_user_holds_is_read_whole(more: bool) -> None:
    active: Facts = {
        "allocationId": "a-1",
        "deviceId": "phone-1",
        "allocatedAt": "2026-03-02T12:00:00Z",
        "expiresAt": "2026-03-02T13:00:00Z",
        "durationMinutes": 60,
        "fencingToken": 7,
    }
    without_end = {**active, "allocationId": "a-2", "expiresAt": None}

    noon, one = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 13, tzinfo=UTC)
    assert holdings({"userId": "ana", "allocations": [active, without_end], "more": more}) == Holdings(
        "ana",
        [
            ActiveAllocation("a-1", "phone-1", noon, one, 60, 7),
            ActiveAllocation("a-2", "phone-1", noon, None, 60, 7),
        ],
        more,
    )
