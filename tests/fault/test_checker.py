"""Each rule of the checker: a history in which it holds, and the same history spoiled."""

import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fault.checker import CHECKS, check
from tests.fault.checker.matching import uncovered
from tests.fault.history import Effect, Evidence, Kind, LockUse, Received, UsageRow
from tests.fault.story import Story, told

SECOND = 1_000_000_000
_TOOL = 4  # none of those that debuggers, coverage and profilers use


@pytest.fixture
def story() -> Story:
    """Nothing has happened yet."""
    return Story()


def promises_broken(story: Story) -> set[str]:
    """Deliver what was told to nobody yet, and name the broken promises."""
    if not story.evidence.received:
        story.delivered()
    return {violation.promise for violation in check(story.evidence)}


def test_an_ordinary_day_breaks_nothing(story: Story) -> None:
    first = story.release(story.allocate("ana", "phone-1", key="k-1"))
    story.kept("k-1", {"outcome": "granted", "allocationId": first.id})
    story.ended(story.allocate("ben", "phone-1"), "expired")
    story.allocate("ana", "phone-1")
    story.refused(Kind.ALLOCATE, "ben", 409, "no_available_devices", retryable=True)
    story.refused(Kind.RELEASE, "ben", 409, "stale_fencing_token")
    story.refused(Kind.ALLOCATE, "ben", 503, "unavailable", retryable=True, retry_after="2")
    story.asked(Kind.ALLOCATE, "ben", {"userId": "ben"})

    assert promises_broken(story) == set()


class TestHolds:
    def test_two_active_rows_of_a_device_are_a_double_hold(self, story: Story) -> None:
        story.allocate("ana", "phone-1")
        story.allocate("ben", "phone-1")

        assert "holds" in promises_broken(story)

    def test_a_successor_may_begin_at_the_instant_of_the_end_but_not_before(self, story: Story) -> None:
        first = story.release(story.allocate("ana", "phone-1"))
        second = story.allocate("ben", "phone-1")
        assert first.released_at is not None

        story.change(second, allocated_at=first.released_at)
        assert promises_broken(story) == set()

        story.change(second, allocated_at=first.released_at - timedelta(microseconds=1))
        assert "holds" in promises_broken(story)

    @pytest.mark.parametrize("token", [0, 1])
    def test_a_token_that_does_not_increase(self, story: Story, token: int) -> None:
        story.release(story.allocate("ana", "phone-1"))
        story.granted("ben", "phone-1", fencing_token=token)

        assert "holds" in promises_broken(story)

    def test_an_expiry_before_its_time(self, story: Story) -> None:
        row = story.ended(story.allocate("ana", "phone-1"), "expired")
        assert promises_broken(story) == set()

        story.change(row, released_at=row.expires_at - timedelta(seconds=1))
        assert promises_broken(story) == {"holds"}

    def test_a_grant_told_while_another_client_surely_holds_whatever_the_database_says(self, story: Story) -> None:
        first = story.allocate("ana", "phone-1")
        first = story.ended(first)
        second = story.allocate("ben", "phone-1")
        story.seconds += 1
        story.release(first)  # asked for only now, when ben has been told already

        broken = [violation for violation in CHECKS["holds"](story.evidence) if "surely held" in violation.what]

        assert [violation.about["allocation"] for violation in broken] == [second.id]

    def test_an_unanswered_release_may_have_ended_a_hold_before_it_was_asked_again(self, story: Story) -> None:
        first = story.allocate("ana", "phone-1")
        story.asked(Kind.RELEASE, "ana", {"deviceId": "phone-1", "userId": "ana"})
        story.ended(first)
        story.allocate("ben", "phone-1")

        assert promises_broken(story) == set()

    def test_tokens_told_out_of_order(self, story: Story) -> None:
        rows = [story.release(story.allocate("ana", "phone-1")), story.release(story.allocate("ana", "phone-1"))]
        swapped = {rows[0].id: rows[1], rows[1].id: rows[0]}
        story.evidence.operations = [
            replace(operation, answer={"data": told(swapped[operation.data["allocationId"]])})
            if operation.kind is Kind.ALLOCATE
            else operation
            for operation in story.evidence.operations
        ]

        assert any("was asked for after token" in violation.what for violation in CHECKS["holds"](story.evidence))


class TestAnswers:
    @pytest.mark.parametrize(
        ("kind", "status", "code"),
        [
            (Kind.ALLOCATE, 500, "internal_error"),
            (Kind.ALLOCATE, 404, "allocation_not_found"),
            (Kind.RELEASE, 403, "forbidden"),
            (Kind.LIST, 409, "user_busy"),
            (Kind.EXPIRE, 504, None),
        ],
    )
    def test_an_answer_that_is_not_promised(self, story: Story, kind: Kind, status: int, code: str) -> None:
        story.refused(kind, "ana", status, code)

        assert promises_broken(story) == {"answers"}

    @pytest.mark.parametrize(
        "fields",
        [{"retryable": True}, {"retryable": True, "retry_after": "soon"}, {"retryable": False, "retry_after": "2"}],
    )
    def test_a_503_says_when_to_come_back(self, story: Story, fields: dict[str, Any]) -> None:
        story.refused(Kind.RELEASE, "ana", 503, "unavailable", **fields)

        assert promises_broken(story) == {"answers"}

    @pytest.mark.parametrize("text", ["Traceback (most", "psycopg2.errors", "SELECT claim", "at 127.0.0.1"])
    def test_an_answer_that_tells_of_the_inside(self, story: Story, text: str) -> None:
        operation = story.refused(Kind.ALLOCATE, "ana", 409, "no_available_devices", retryable=True)
        story.evidence.operations = [replace(operation, answer={**operation.answer, "detail": text})]

        assert promises_broken(story) == {"answers"}

    def test_one_key_has_one_answer(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1", key="k-1")
        story.asked(Kind.ALLOCATE, "ana", {}, key="k-1", status=201, answer={"data": told(row)})
        story.refused(Kind.ALLOCATE, "ana", 409, "request_in_progress", key="k-1", retryable=True)
        assert promises_broken(story) == set()

        story.refused(Kind.ALLOCATE, "ana", 403, "quota_exceeded", key="k-1")
        assert promises_broken(story) == {"answers"}

    def test_a_success_that_its_key_does_not_keep(self, story: Story) -> None:
        story.allocate("ana", "phone-1", key="k-1")
        story.kept("k-1", {"outcome": "over_quota"})

        assert promises_broken(story) == {"answers"}


class TestGrants:
    def test_a_grant_without_a_row(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        story.forget("allocations", lambda found: found.id == row.id)
        story.forget("events", lambda _: True)
        story.evidence.usage = []

        assert promises_broken(story) == {"grants"}

    @pytest.mark.parametrize(
        "lie", [{"deviceId": "phone-2"}, {"userId": "ben"}, {"fencingToken": 7}, {"expiresAt": "2026-01-01T12:00:00Z"}]
    )
    def test_a_grant_told_otherwise_than_it_stands(self, story: Story, lie: dict[str, Any]) -> None:
        row = story.granted("ana", "phone-1")
        story.asked(Kind.ALLOCATE, "ana", {"userId": "ana"}, status=201, answer={"data": told(row) | lie})

        assert promises_broken(story) == {"grants"}

    def test_one_allocation_told_to_two_requests(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1", key="k-1")
        story.asked(Kind.ALLOCATE, "ana", {"userId": "ana"}, status=201, answer={"data": told(row)}, key="k-2")

        assert promises_broken(story) == {"grants"}

    def test_a_request_without_an_answer_explains_one_row(self, story: Story) -> None:
        story.granted("ana", "phone-1")
        story.asked(Kind.ALLOCATE, "ana", {"userId": "ana"})
        assert promises_broken(story) == set()

        story.granted("ana", "phone-2")
        story.delivered()
        assert promises_broken(story) == {"grants"}

    def test_another_users_request_explains_nothing(self, story: Story) -> None:
        story.granted("ana", "phone-1")
        story.asked(Kind.ALLOCATE, "ben", {"userId": "ben"})

        assert promises_broken(story) == {"grants"}

    def test_many_tries_under_one_key_explain_one_row(self, story: Story) -> None:
        for device in ("phone-1", "phone-2"):
            story.granted("ana", device)
            story.asked(Kind.ALLOCATE, "ana", {"userId": "ana"}, key="k-1")

        assert promises_broken(story) == {"grants"}

    def test_a_key_explains_the_allocation_that_it_keeps_and_no_other(self, story: Story) -> None:
        row = story.granted("ana", "phone-1")
        story.asked(Kind.ALLOCATE, "ana", {"userId": "ana"}, key="k-1")
        story.kept("k-1", {"outcome": "granted", "allocationId": row.id})
        assert promises_broken(story) == set()

        story.evidence.keys = []
        story.kept("k-1", {"outcome": "granted", "allocationId": "another"})
        assert promises_broken(story) == {"grants"}

    def test_an_unavailable_answer_may_hide_a_grant_but_an_unread_quota_does_not(self, story: Story) -> None:
        story.granted("ana", "phone-1")
        story.refused(Kind.ALLOCATE, "ana", 503, "unavailable", retryable=True, retry_after="2")
        assert promises_broken(story) == set()

        story.evidence.operations = []
        story.refused(Kind.ALLOCATE, "ana", 503, "quota_service_unavailable", retryable=True, retry_after="2")
        assert promises_broken(story) == {"grants"}


class TestReleases:
    def test_an_end_that_nobody_asked_for(self, story: Story) -> None:
        story.ended(story.allocate("ana", "phone-1"))

        assert promises_broken(story) == {"releases"}

    def test_a_late_release_of_an_ended_allocation_explains_no_later_end(self, story: Story) -> None:
        first = story.release(story.allocate("ana", "phone-1"))
        second = story.allocate("ben", "phone-1")
        story.ended(second)
        story.asked(Kind.RELEASE, "ana", {"deviceId": "phone-1", "userId": "ana", "allocationId": first.id})

        broken = CHECKS["releases"](story.evidence)

        assert [violation.about["allocation"] for violation in broken] == [second.id]

    def test_a_success_that_ended_nothing(self, story: Story) -> None:
        first = story.release(story.allocate("ana", "phone-1"))
        again = {"deviceId": "phone-1", "userId": "ana", "allocationId": first.id}
        success = story.evidence.operations[-1].answer
        story.asked(Kind.RELEASE, "ana", again, status=200, answer=success)

        assert promises_broken(story) == {"releases"}

    def test_a_repeated_request_is_told_the_same_end(self, story: Story) -> None:
        body = {"deviceId": "phone-1", "userId": "ana"}
        story.release(story.allocate("ana", "phone-1"), body, key="k-1")
        story.asked(Kind.RELEASE, "ana", body, key="k-1", status=200, answer=story.evidence.operations[-1].answer)

        assert promises_broken(story) == set()

    def test_a_stale_token_neither_succeeds_nor_explains_an_end(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        story.release(row, {"deviceId": "phone-1", "userId": "ana", "fencingToken": row.fencing_token})
        assert promises_broken(story) == set()

        stale = {"deviceId": "phone-1", "userId": "ana", "fencingToken": 0}
        story.evidence.operations[-1] = replace(story.evidence.operations[-1], body=stale)
        assert len(CHECKS["releases"](story.evidence)) == 2

        story.evidence.operations[-1] = replace(story.evidence.operations[-1], status=None, answer={})
        assert len(CHECKS["releases"](story.evidence)) == 1

    def test_an_overdue_allocation_may_be_released(self, story: Story) -> None:
        row = story.ended(story.allocate("ana", "phone-1"), "expired")
        assert row.released_at is not None
        answer = {"data": {"deviceId": "phone-1", "durationSeconds": 1800}}
        story.asked(Kind.RELEASE, "ana", {"deviceId": "phone-1", "userId": "ana"}, status=200, answer=answer)
        assert promises_broken(story) == set()

        wrong = {"data": {"deviceId": "phone-1", "durationSeconds": 1801}}
        story.evidence.operations[-1] = replace(story.evidence.operations[-1], answer=wrong)
        assert promises_broken(story) == {"releases"}

    def test_a_release_asked_after_the_successor_was_told_ended_something_else(self, story: Story) -> None:
        first = story.ended(story.allocate("ana", "phone-1"))
        story.allocate("ben", "phone-1")
        story.seconds += 5
        story.asked(Kind.RELEASE, "ana", {"deviceId": "phone-1", "userId": "ana"})

        assert [violation.about["allocation"] for violation in CHECKS["releases"](story.evidence)] == [first.id]

    def test_two_ends_need_two_releases(self, story: Story) -> None:
        body = {"deviceId": "phone-1", "userId": "ana"}
        story.ended(story.allocate("ana", "phone-1"))
        story.asked(Kind.RELEASE, "ana", body, started_ns=0)
        assert promises_broken(story) == set()

        story.ended(story.allocate("ana", "phone-1"))
        story.delivered()
        assert promises_broken(story) == {"releases"}


class TestQuota:
    @pytest.mark.parametrize("figure", ["devices", "cpu_cores", "memory_mb", "storage_mb"])
    def test_usage_that_is_not_the_sum_of_active_allocations(self, story: Story, figure: str) -> None:
        story.allocate("ana", "phone-1")
        (row,) = story.evidence.usage
        story.evidence.usage = [replace(row, **{figure: 0})]  # type: ignore[arg-type]  # all of them are numbers

        assert promises_broken(story) == {"quota"}

    def test_usage_of_somebody_who_holds_nothing(self, story: Story) -> None:
        story.evidence.usage = [UsageRow("acme", "ana", 0, 0, 0, 0)]
        assert promises_broken(story) == set()

        story.evidence.usage = [UsageRow("acme", "ana", 1, 0, 0, 0)]
        assert promises_broken(story) == {"quota"}

    def test_more_than_the_limit_at_any_time(self, story: Story) -> None:
        story.evidence.limit, story.evidence.limits = 2, {"acme|ben": 1}
        for user, most in (("ana", 2), ("ben", 1)):
            rows = [story.allocate(user, f"phone-{user}-{number}") for number in range(most)]
            story.release(rows[0])
            story.allocate(user, f"phone-{user}-{most}")
        assert promises_broken(story) == set()

        extra = story.allocate("ben", "phone-4")
        story.release(extra)
        story.delivered()
        assert promises_broken(story) == {"quota"}


class TestEvents:
    def test_a_change_without_its_event(self, story: Story) -> None:
        story.release(story.allocate("ana", "phone-1"))
        events = list(story.evidence.events)
        for event in events:
            story.evidence.events = [other for other in events if other is not event]

            assert "events" in {violation.promise for violation in check(story.evidence)}

    def test_a_change_with_two_events(self, story: Story) -> None:
        story.ended(story.allocate("ana", "phone-1"), "expired")
        story.evidence.events.append(replace(story.evidence.events[-1], position=9, event_id="event-9"))
        story.evidence.delivers = False

        assert promises_broken(story) == {"events"}

    def test_an_end_told_as_another_kind_of_end(self, story: Story) -> None:
        story.release(story.allocate("ana", "phone-1"))
        story.evidence.events[-1] = replace(story.evidence.events[-1], type="scheduler.allocation.expired")

        assert promises_broken(story) == {"events"}

    @pytest.mark.parametrize("lie", [{"allocationId": "none"}, {"userId": "ben"}, {"deviceId": "phone-2"}])
    def test_an_event_that_no_row_bears_out(self, story: Story, lie: dict[str, str]) -> None:
        story.allocate("ana", "phone-1")
        event = story.evidence.events[-1]
        story.evidence.events = [replace(event, data={**event.data, **lie})]
        story.evidence.delivers = False

        assert promises_broken(story) == {"events"}

    def test_positions_follow_what_happened(self, story: Story) -> None:
        story.release(story.allocate("ana", "phone-1"))
        first, second = story.evidence.events
        story.evidence.events = [replace(first, position=1), replace(second, position=0)]

        assert promises_broken(story) == {"events"}

    def test_an_event_that_was_never_published_or_never_arrived(self, story: Story) -> None:
        story.allocate("ana", "phone-1")
        story.evidence.delivers = False
        assert {violation.promise for violation in check(story.evidence)} == {"events"}

        story.evidence.events = [replace(event, published=True) for event in story.evidence.events]
        assert {violation.promise for violation in check(story.evidence)} == {"events"}

        story.evidence.complete = False
        assert check(story.evidence) == []

    @pytest.mark.parametrize("lie", [{"event_id": "other"}, {"type": "x"}, {"group": "x"}, {"data": {"deviceId": "x"}}])
    def test_a_message_that_is_not_what_was_sent(self, story: Story, lie: dict[str, Any]) -> None:
        story.allocate("ana", "phone-1")
        story.delivered()
        story.evidence.received.append(replace(story.evidence.received[0], place=1, **lie))

        assert promises_broken(story) == {"events"}

    def test_what_comes_again_may_come_late_but_not_what_comes_first(self, story: Story) -> None:
        story.release(story.allocate("ana", "phone-1"))
        story.delivered()
        first, second = story.evidence.received
        story.evidence.received = [first, second, replace(first, place=2)]
        assert promises_broken(story) == set()

        story.evidence.received = [replace(first, place=1), replace(second, place=0)]
        assert promises_broken(story) == {"events"}


class TestEffects:
    def test_an_event_applied_twice(self, story: Story) -> None:
        story.allocate("ana", "phone-1")
        story.delivered()
        story.evidence.effects *= 2

        assert promises_broken(story) == {"effects"}

    def test_an_event_never_applied_unless_it_is_parked(self, story: Story) -> None:
        story.allocate("ana", "phone-1")
        story.delivered()
        (effect,) = story.evidence.effects
        story.evidence.parked = [effect.key]
        assert promises_broken(story) == set()

        story.evidence.effects = []
        assert promises_broken(story) == set()

        story.evidence.parked = []
        assert promises_broken(story) == {"effects"}

    @pytest.mark.parametrize("lie", [{"operation": "decrement"}, {"user": "ben"}, {"device_id": "x"}, {"key": "other"}])
    def test_an_effect_that_is_not_the_events(self, story: Story, lie: dict[str, str]) -> None:
        story.allocate("ana", "phone-1")
        story.delivered()
        story.evidence.effects = [replace(effect, **lie) for effect in story.evidence.effects]

        assert promises_broken(story) == {"effects"}

    def test_a_count_that_is_not_the_users(self, story: Story) -> None:
        story.allocate("ana", "phone-1")
        story.delivered()
        story.evidence.effects.append(Effect("event-0", "acme", "ana", "increment", "phone-1"))

        assert {tuple(violation.about) for violation in check(story.evidence)} == {("event",), ("user",)}

    def test_without_the_consumer_nothing_is_proved(self, story: Story) -> None:
        story.allocate("ana", "phone-1")
        story.delivered()
        story.evidence.effects, story.evidence.delivers = [], False

        assert promises_broken(story) == set()


class TestLocks:
    @pytest.mark.parametrize(
        ("second_taken", "left", "broken"),
        [
            pytest.param(3 * SECOND, 2 * SECOND, False, id="let go before"),
            pytest.param(3 * SECOND, 4 * SECOND, True, id="still held"),
            pytest.param(3 * SECOND, None, True, id="its holder died, but its time is not over"),
            pytest.param(6 * SECOND, None, False, id="its time was over"),
            pytest.param(6 * SECOND, 7 * SECOND, False, id="its time was over, though its holder did not know"),
        ],
    )
    def test_two_holders(self, story: Story, second_taken: int, left: int | None, broken: bool) -> None:
        story.evidence.locks = [
            LockUse("user", "a", 1, SECOND, left, 5000),
            LockUse("user", "b", 2, second_taken, second_taken + SECOND, 5000),
            LockUse("other", "c", 3, SECOND, 9 * SECOND, 5000),
        ]

        assert promises_broken(story) == ({"locks"} if broken else set())

    def test_time_counts_from_when_the_lock_was_asked_for(self, story: Story) -> None:
        frozen = LockUse("user", "a", 1, 4 * SECOND, None, 5000, asked_ns=0)
        story.evidence.locks = [frozen, LockUse("user", "b", 2, 6 * SECOND, 7 * SECOND, 5000)]
        assert promises_broken(story) == set()

        story.evidence.locks[0] = replace(frozen, asked_ns=None)
        assert promises_broken(story) == {"locks"}

    def test_what_redis_lost_nobody_holds(self, story: Story) -> None:
        story.evidence.locks = [
            LockUse("user", "a", 1, SECOND, None, 5000),
            LockUse("user", "b", 2, 4 * SECOND, None, 5000),
        ]
        assert promises_broken(story) == {"locks"}

        story.evidence.lock_breaks_ns = [3 * SECOND]
        assert promises_broken(story) == set()


@pytest.mark.parametrize(
    ("choices", "left_over"),
    [
        ([], 0),
        ([[1], [2]], 0),
        ([[1], [1]], 1),
        ([[1, 2], [1]], 0),
        ([[1, 2], [2, 3], [1], [3]], 1),
        ([[]], 1),
        ([[1, 2], [1, 3], [1], [2, 4]], 0),
    ],
)
def test_a_matching_serves_as_many_as_can_be(choices: list[list[int]], left_over: int) -> None:
    assert len(uncovered(choices)) == left_over


def test_the_work_grows_with_the_history_and_not_with_its_square() -> None:
    short, long = (work_of(long_history(rounds)) for rounds in (400, 1600))

    assert long < 6 * short


def work_of(evidence: Evidence) -> int:
    """Count the steps that a check takes: turns of loops, and calls."""
    steps, monitoring = Counter[str](), sys.monitoring
    events = (monitoring.events.JUMP, monitoring.events.PY_START, monitoring.events.PY_RESUME)
    monitoring.use_tool_id(_TOOL, "work")
    for event in events:
        monitoring.register_callback(_TOOL, event, lambda *_: steps.update(["step"]))
    monitoring.set_events(_TOOL, sum(events))
    try:
        assert check(evidence) == []
    finally:
        monitoring.set_events(_TOOL, 0)
        monitoring.free_tool_id(_TOOL)
    return steps["step"]


def long_history(rounds: int) -> Evidence:
    """24 users take turns on 40 devices."""
    pieces = Story()
    for number in range(rounds):
        row = pieces.allocate(f"user-{number % 24}", f"phone-{number % 40}")
        named = {"deviceId": row.device_id, "userId": row.user}
        pieces.release(row, named if number % 3 else named | {"allocationId": row.id})
    pieces.delivered()
    pieces.evidence.received += [
        Received(place + len(pieces.evidence.events), event.event_id, event.type, event.group, event.data)
        for place, event in enumerate(pieces.evidence.events[:100])
    ]
    return pieces.evidence
