"""Each rule of the checker about renewals, reservations and the queue: a history in which it holds, and one spoiled."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.fault.checker import CHECKS, check
from tests.fault.history import Kind, Violation
from tests.fault.shrink import shrink
from tests.fault.story import Story, renewal_told
from tests.fault.timeline import timeline

MINUTE = timedelta(minutes=1)


@pytest.fixture
def story() -> Story:
    """Nothing has happened yet."""
    return Story()


def promises_broken(story: Story) -> set[str]:
    """Deliver everything, and name the broken promises."""
    story.delivered()
    return {violation.promise for violation in check(story.evidence)}


def without_event(story: Story, type_: str) -> None:
    """Lose the last event of a type."""
    lost = max(event.position for event in story.evidence.events if event.type == type_)
    story.forget("events", lambda event: event.position == lost)


def twice(story: Story, type_: str) -> None:
    """Tell the last event of a type once more."""
    (*_, last) = (event for event in story.evidence.events if event.type == type_)
    story.evidence.events.append(replace(last, position=99, event_id="event-99"))


def test_an_ordinary_day_breaks_nothing(story: Story) -> None:
    row = story.allocate("ana", "phone-1", key="k-1")
    story.kept("k-1", {"outcome": "granted", "allocationId": row.id})
    story.renew(row)
    story.renew(row, 20)
    booked = story.reserve("ben", "phone-2")
    story.given_up(story.reserve("cat", "phone-3"))
    story.served(story.join("dan"), "phone-4")
    story.given_up(story.join("dan"))
    lent = story.executed(booked)
    lent = story.ended(lent, "expired")
    story.change_promise(booked, status="completed")
    story.refused(Kind.RENEW, "ana", 409, "renewal_refused")
    story.refused(Kind.RESERVE, "ana", 409, "reservation_conflict")
    story.refused(Kind.JOIN, "ana", 409, "already_queued")

    assert promises_broken(story) == set()


class TestRenewals:
    def test_two_that_merge(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        story.renew(row)
        story.renew(row)
        first, second = story.evidence.renewals
        merged = replace(first, number=second.number)
        story.evidence.renewals = [first, merged]
        story.change(row, expires_at=merged.new_expires_at)
        story.evidence.operations[-1] = replace(story.evidence.operations[-1], answer={"data": renewal_told(merged)})

        assert promises_broken(story) == {"renewals"}

    def test_two_requests_that_were_told_the_same_one(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        renewal = story.renew(row)
        story.asked(
            Kind.RENEW,
            "ana",
            {"allocationId": row.id, "additionalMinutes": 10},
            status=200,
            answer={"data": renewal_told(renewal)},
        )

        assert promises_broken(story) == {"renewals"}

    def test_the_same_request_is_told_the_same_again(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        renewal = story.renew(row, key="k-1")
        story.kept("k-1", {"outcome": "renewed", "allocationId": row.id, "renewalCount": 1})
        body = {"allocationId": row.id, "additionalMinutes": 10}
        story.asked(Kind.RENEW, "ana", body, status=200, answer={"data": renewal_told(renewal)}, key="k-1")
        assert promises_broken(story) == set()

        story.asked(Kind.RENEW, "ana", body, status=200, answer={"data": renewal_told(renewal) | {"renewalCount": 2}})
        assert promises_broken(story) == {"renewals"}

    def test_one_that_is_lost(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        story.renew(row)
        story.evidence.renewals = []
        story.change(row, expires_at=row.expires_at)
        story.forget("events", lambda event: event.type == "scheduler.allocation.renewed")

        assert promises_broken(story) == {"renewals"}

    def test_an_unanswered_request_explains_one(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        story.renewed(row)
        story.asked(Kind.RENEW, "ana", {"allocationId": row.id, "additionalMinutes": 10})
        assert promises_broken(story) == set()

        story.renewed(row)
        assert promises_broken(story) == {"renewals"}

    def test_an_end_that_no_renewal_gave(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        story.renew(row)
        story.change(row, expires_at=row.expires_at + timedelta(minutes=11))
        assert promises_broken(story) == {"renewals"}

    def test_an_end_without_any_renewal(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        story.change(row, expires_at=row.expires_at + MINUTE)

        assert promises_broken(story) == {"grants"}

    def test_one_without_its_event(self, story: Story) -> None:
        story.renew(story.allocate("ana", "phone-1"))
        without_event(story, "scheduler.allocation.renewed")

        assert promises_broken(story) == {"events"}


class TestReservations:
    @pytest.mark.parametrize(("early", "broken"), [(timedelta(0), False), (MINUTE, True)])
    def test_an_allocation_that_runs_into_one(self, story: Story, early: timedelta, broken: bool) -> None:
        row = story.allocate("ana", "phone-1")
        story.reserve("ben", "phone-1", starts_at=row.expires_at - early, ends_at=row.expires_at + 30 * MINUTE)

        assert promises_broken(story) == ({"reservations"} if broken else set())

    def test_an_allocation_that_ends_before_the_booking_or_begins_after_its_end(self, story: Story) -> None:
        row = story.release(story.allocate("ana", "phone-1"))
        soon = {"starts_at": row.expires_at - MINUTE, "ends_at": row.expires_at + 30 * MINUTE}
        story.given_up(story.reserve("ben", "phone-1", **soon))
        lent = story.allocate("ana", "phone-1")
        assert promises_broken(story) == set()

        story.release(lent)
        story.reserve("ben", "phone-1", **soon)
        story.release(story.allocate("ana", "phone-1"))
        assert promises_broken(story) == {"reservations"}

    def test_a_renewal_into_one(self, story: Story) -> None:
        row = story.allocate("ana", "phone-1")
        soon = {"starts_at": row.expires_at, "ends_at": row.expires_at + 30 * MINUTE}
        story.given_up(story.reserve("ben", "phone-1", **soon))
        story.renew(row)
        assert promises_broken(story) == set()

        other = story.allocate("ana", "phone-2")
        story.reserve("ben", "phone-2", starts_at=other.expires_at, ends_at=other.expires_at + 30 * MINUTE)
        story.renew(other)
        assert promises_broken(story) == {"reservations"}

    def test_one_that_moved_binds_its_first_device_until_then(self, story: Story) -> None:
        row = story.allocate("ana", "phone-2")
        booked = story.reserve("ben", "phone-1", starts_at=row.expires_at - MINUTE, ends_at=row.expires_at + MINUTE)
        story.release(row)
        story.move(booked, "phone-2")
        story.allocate("ana", "phone-1")

        assert promises_broken(story) == set()

    def test_two_windows_of_one_device(self, story: Story) -> None:
        first = story.reserve("ana", "phone-1")
        second = story.reserve("ben", "phone-1", starts_at=first.ends_at, ends_at=first.ends_at + 30 * MINUTE)
        assert promises_broken(story) == set()

        story.change_promise(second, starts_at=first.ends_at - MINUTE)
        assert promises_broken(story) == {"reservations"}

    def test_one_that_nobody_asked_for(self, story: Story) -> None:
        story.reserved("ana", "phone-1")
        story.asked(Kind.RESERVE, "ana", {"userId": "ana"})
        assert promises_broken(story) == set()

        story.reserved("ana", "phone-2")
        assert promises_broken(story) == {"reservations"}

    def test_one_that_was_told_but_is_not_there(self, story: Story) -> None:
        story.asked(
            Kind.RESERVE, "ana", {"userId": "ana"}, status=201, answer={"data": {"reservationId": "reservation-0"}}
        )

        assert promises_broken(story) == {"reservations"}

    def test_one_that_was_executed_twice(self, story: Story) -> None:
        booked = story.reserve("ana", "phone-1")
        lent = story.executed(booked)
        assert promises_broken(story) == set()

        story.release(lent)
        story.granted("ana", "phone-1", reservation_id=booked.id, expires_at=booked.ends_at)
        assert "reservations" in promises_broken(story)

    def test_one_that_goes_on_executing_when_its_allocation_has_ended(self, story: Story) -> None:
        booked = story.reserve("ana", "phone-1")
        story.release(story.executed(booked))
        assert promises_broken(story) == {"reservations"}

        story.change_promise(booked, status="completed")
        assert promises_broken(story) == set()

    def test_a_cancelled_one_that_is_there_again(self, story: Story) -> None:
        booked = story.given_up(story.reserve("ana", "phone-1"))
        story.change_promise(booked, status="pending")
        without_event(story, "scheduler.reservation.cancelled")

        assert promises_broken(story) == {"reservations"}

    def test_one_that_is_cancelled_though_nobody_asked(self, story: Story) -> None:
        story.given_up(story.reserve("ana", "phone-1"), status=None)
        assert promises_broken(story) == set()

        story.forget("operations", lambda operation: operation.kind is Kind.CANCEL_RESERVATION)
        assert promises_broken(story) == {"reservations"}

    @pytest.mark.parametrize("spoil", [without_event, twice])
    @pytest.mark.parametrize("what", ["created", "executed", "cancelled"])
    def test_each_state_has_one_event(self, story: Story, what: str, spoil: Callable[[Story, str], None]) -> None:
        story.given_up(story.reserve("ana", "phone-1"))
        story.executed(story.reserve("ana", "phone-2"))
        assert promises_broken(story) == set()

        spoil(story, f"scheduler.reservation.{what}")
        assert promises_broken(story) == {"reservations"}


class TestWaits:
    def test_an_allocation_for_one_who_was_gone(self, story: Story) -> None:
        entry = story.given_up(story.join("ana"))
        lent = story.granted("ana", "phone-1")
        assert promises_broken(story) == {"grants"}

        story.change_promise(entry, allocation_id=lent.id, device_id=lent.device_id)
        assert promises_broken(story) == {"waits"}

    def test_one_who_was_served_twice(self, story: Story) -> None:
        entry = story.join("ana")
        story.served(entry, "phone-1")
        assert promises_broken(story) == set()

        story.served(entry, "phone-2")
        assert promises_broken(story) == {"grants", "waits"}

    def test_one_allocation_for_two(self, story: Story) -> None:
        first, second = story.join("ana"), story.join("ben")
        lent = story.served(first, "phone-1")
        story.change_promise(
            second, status="fulfilled", ended_at=lent.allocated_at, allocation_id=lent.id, device_id="phone-1"
        )

        assert promises_broken(story) == {"waits"}

    def test_one_who_is_served_after_her_time(self, story: Story) -> None:
        entry = story.join("ana")
        story.change_promise(entry, expires_at=entry.joined_at + timedelta(seconds=1))
        story.served(entry, "phone-1")

        assert promises_broken(story) == {"waits"}

    def test_two_waits_of_one_user(self, story: Story) -> None:
        story.join("ana")
        story.join("ana")

        assert promises_broken(story) == {"waits"}

    def test_one_that_nobody_asked_for(self, story: Story) -> None:
        story.joined("ana")

        assert promises_broken(story) == {"waits"}

    def test_a_cancelled_one_that_was_served_all_the_same(self, story: Story) -> None:
        entry = story.join("ana")
        story.asked(Kind.CANCEL_WAIT, "ana", {"entryId": entry.id})
        story.served(entry, "phone-1")
        assert promises_broken(story) == set()

        story.asked(Kind.CANCEL_WAIT, "ana", {"entryId": entry.id}, status=200, answer={"data": {"id": entry.id}})
        assert promises_broken(story) == {"waits"}

    @pytest.mark.parametrize("spoil", [without_event, twice])
    @pytest.mark.parametrize("what", ["joined", "fulfilled", "cancelled"])
    def test_each_state_has_one_event(self, story: Story, what: str, spoil: Callable[[Story, str], None]) -> None:
        story.given_up(story.join("ana"))
        story.served(story.join("ana"), "phone-2")

        spoil(story, f"scheduler.queue.{what}")
        assert promises_broken(story) == {"waits"}

    @pytest.mark.parametrize(
        ("ahead", "broken"),
        [
            pytest.param({}, True, id="she could have had it"),
            pytest.param({"rank": 9e12}, False, id="she is not ahead"),
            pytest.param({"duration_minutes": 60}, False, id="she wants more time"),
            pytest.param({"user": "holder"}, False, id="her quota is used up"),
        ],
    )
    def test_nobody_is_overtaken_whom_a_device_was_for(self, story: Story, ahead: dict[str, Any], broken: bool) -> None:
        story.evidence.limit = 1
        story.allocate("holder", "phone-1")
        story.join(**({"user": "ana"} | ahead))
        story.served(story.join("ben"), "phone-2")
        assert promises_broken(story) == set()

        story.evidence.orderly = True
        assert promises_broken(story) == ({"waits"} if broken else set())

    @pytest.mark.parametrize(
        ("waiter", "broken"),
        [
            pytest.param({}, True, id="she could have had it"),
            pytest.param({"duration_minutes": 60}, False, id="she wants more time"),
            pytest.param({"user": "holder"}, False, id="her quota is used up"),
            pytest.param({"user": "ben"}, False, id="she asks herself"),
        ],
    )
    def test_no_newcomer_gets_what_a_waiter_could_have(
        self, story: Story, waiter: dict[str, Any], broken: bool
    ) -> None:
        story.evidence.limit = 1
        story.allocate("holder", "phone-1")
        story.join(**({"user": "ana"} | waiter))
        story.seconds += 1
        story.allocate("ben", "phone-2")

        assert promises_broken(story) == ({"waits"} if broken else set())

    def test_who_asked_before_the_wait_was_told_is_no_newcomer(self, story: Story) -> None:
        entry = story.joined("ana")
        story.allocate("ben", "phone-2")
        story.asked(Kind.JOIN, "ana", {"userId": "ana"}, status=201, answer={"data": {"id": entry.id}})

        assert promises_broken(story) == set()


def test_a_violation_is_shown_by_what_concerns_it(story: Story) -> None:
    for number in range(20):
        story.release(story.allocate(f"other-{number % 4}", f"phone-{number % 3}"))
        story.given_up(story.join(f"other-{number % 4}"))
        story.given_up(story.reserve(f"other-{number % 4}", f"phone-{number % 3}"))
    row = story.allocate("ana", "phone-9")
    story.reserve("ben", "phone-9", starts_at=row.expires_at - MINUTE)
    story.delivered()
    (violation,) = CHECKS["reservations"](story.evidence)

    small = shrink(story.evidence, violation)

    assert [found.id for found in small.allocations] == [row.id]
    assert [found.user for found in small.reservations] == ["ben"]
    assert small.entries == []
    assert len(small.operations) <= 2


def test_a_timeline_tells_of_promises(story: Story) -> None:
    story.renew(story.allocate("ana", "phone-1"))
    story.reserve("ben", "phone-2")
    story.served(story.join("cat"), "phone-3")

    lines = timeline(story.evidence, Violation("reservations", "told", {})).splitlines()

    assert "allocati number 1: 10 min, to 12:40:01.000" in lines
    assert "reservat of acme|ben: pending, phone-2 from 13:00:03.000 to 13:30:03.000, made 12:00:03.000" in lines
    assert (
        "entry-0 of acme|cat: fulfilled, allocation allocati, rank 1767268804.000, 30 min, 12:00:04.000 to 12:00:05.000"
        in lines
    )
