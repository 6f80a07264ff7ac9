"""A violation in a long history is shown by a short one that has not lost what would explain it."""

from dataclasses import replace

from tests.fault.checker import CHECKS, check
from tests.fault.history import Evidence, Kind, LockUse, Violation
from tests.fault.shrink import shrink
from tests.fault.story import Story
from tests.fault.timeline import LONGEST_LINE, MOST_LINES, timeline


def busy(story: Story, rounds: int = 20) -> Story:
    """Others borrow and give back."""
    for number in range(rounds):
        story.release(story.allocate(f"other-{number % 4}", f"phone-{number % 3}"))
    return story


def only_violation(evidence: Evidence, promise: str) -> Violation:
    (found,) = CHECKS[promise](evidence)
    return found


def test_a_double_hold_is_shown_by_its_two_allocations() -> None:
    story = busy(Story())
    first = story.allocate("ana", "phone-1")
    second = story.allocate("ben", "phone-1")
    busy(story, 2).delivered()
    violation = CHECKS["holds"](story.evidence)[0]

    small = shrink(story.evidence, violation)

    assert [row.id for row in small.allocations] == [first.id, second.id]
    assert [operation.data["allocationId"] for operation in small.operations] == [first.id, second.id]
    assert {event.data["allocationId"] for event in small.events} == {first.id, second.id}
    assert any(found.about == violation.about for found in check(small))


def test_requests_that_could_explain_a_row_are_never_cut_away() -> None:
    story = busy(Story())
    story.asked(Kind.ALLOCATE, "ana", {"userId": "ana"})
    for number in range(3):
        story.granted("ana", f"phone-{number + 5}")
    story.delivered()

    small = shrink(story.evidence, only_violation(story.evidence, "grants"))

    assert (len(small.allocations), len(small.operations)) == (2, 1)


def test_a_drift_of_the_quota_keeps_what_the_user_holds() -> None:
    story = busy(Story())
    story.release(story.allocate("ana", "phone-7"))
    held = [story.allocate("ana", f"phone-{number + 8}") for number in range(2)]
    story.evidence.usage = [replace(row, devices=3) if row.user == "ana" else row for row in story.evidence.usage]

    small = shrink(story.evidence, only_violation(story.evidence, "quota"))

    assert [row.id for row in small.allocations] == [row.id for row in held]
    assert [row.user for row in small.usage] == ["ana"]


def test_an_excess_of_the_quota_is_shown_by_as_many_allocations_as_make_one() -> None:
    story = busy(Story())
    story.evidence.limit = 2
    for number in range(4):
        story.allocate("ana", f"phone-{number + 5}")
    for row in [row for row in story.evidence.allocations if row.user == "ana"]:
        story.release(row)

    small = shrink(story.evidence, only_violation(story.evidence, "quota"))

    assert len(small.allocations) == 3


def test_an_order_that_was_lost_is_shown_by_the_two() -> None:
    story = busy(Story())
    story.delivered()
    received = story.evidence.received
    received[10], received[13] = (
        replace(received[13], place=received[10].place),
        replace(received[10], place=received[13].place),
    )
    violation = CHECKS["events"](story.evidence)[0]

    small = shrink(story.evidence, violation)

    assert [message.event_id for message in small.received] == ["event-13", "event-12"]
    assert len(small.allocations) == 1


def test_a_lock_with_two_holders_is_shown_by_them() -> None:
    story = busy(Story())
    uses = [LockUse(key, f"token-{n}", n, n * 10**9, (n + 1) * 10**9 - 1, 5000) for key in "ab" for n in range(9)]
    story.evidence.locks = [*uses, LockUse("a", "late", 10, 4 * 10**9 + 5, 4 * 10**9 + 9, 5000)]
    violation = CHECKS["locks"](story.evidence)[0]

    small = shrink(story.evidence, violation)

    assert [use.token for use in small.locks] == ["token-4", "late"]
    assert (small.operations, small.allocations) == ([], [])


def test_what_no_check_tells_of_stays_whole() -> None:
    story = busy(Story(), 3)

    assert shrink(story.evidence, Violation("patience", "it took long", {})) == story.evidence


def test_a_history_reads_as_a_timeline_of_bounded_length() -> None:
    story = busy(Story(replace(Evidence(), seed=42)))
    first = story.allocate("ana", "phone-1", key="k-1")
    story.kept("k-1", {"outcome": "granted", "allocationId": first.id})
    story.asked(Kind.RELEASE, "ana", {"deviceId": "phone-1", "allocationId": first.id, "fencingToken": 1})
    story.refused(Kind.RELEASE, "ben", 409, "stale_fencing_token")
    story.delivered()
    story.evidence.parked = ["event-7"]
    story.evidence.locks = [LockUse("user", "a", 1, 0, None, 5000), LockUse("user", "b", 2, 5, 10**9, 5000)]
    violation = Violation("holds", "two holders", {"device": "phone-1"})

    lines = timeline(story.evidence, violation).splitlines()

    assert lines[:2] == ["holds: two holders", "seed 42"]
    assert max(map(len, lines)) <= LONGEST_LINE
    assert len(lines) <= 12 * (MOST_LINES + 2) + 2
    assert "… and 18 more" in lines
    assert any("held user (lasts 5000)" in line for line in lines)


def test_each_part_of_a_timeline_says_what_happened() -> None:
    story = Story()
    row = story.allocate("ana", "phone-1", key="k-1")
    story.asked(Kind.RELEASE, "ana", {"deviceId": "phone-1", "fencingToken": 1})
    story.ended(row)

    assert timeline(story.evidence, Violation("quota", "drift", {})).splitlines() == [
        "quota: drift",
        "seed 0",
        "-- clients (ms)",
        "      0.0 to     900.0  0 by client 0: allocate acme|ana key k-1 → 201 allocati on phone-1, token 1",
        "      0.0 to     900.0  1 by client 0: release acme|ana phone-1, token 1 → no answer",
        "-- allocations (ms, database)",
        "      0.0 to 1000.0  allocati on phone-1, token 1: acme|ana, released",
        "-- usage",
        "acme|ana: 0 devices, 0 cores, 0 MB memory, 0 MB storage",
        "-- outbox (by position)",
        "0 device.allocated event-0 of phone-1, allocation allocati, not published",
        "1 device.released event-1 of phone-1, allocation allocati, not published",
    ]
