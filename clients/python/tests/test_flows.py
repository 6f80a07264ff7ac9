"""Requests are repeated where that helps, phones are waited for, and nothing is left behind."""

from typing import Any

import pytest

from cloudphone import errors, routes
from cloudphone.errors import NotReached, Problem, Refusal, UnreadableAnswer, WaitEnded
from cloudphone.flows import Retries
from cloudphone.holding import Holding
from cloudphone.models import Waiter
from faked_scheduler import Driver, Scheduler, data, no_answer, problem

BUSY = problem("user_busy", 409, retryable=True, retry_after=1)


def got(driver: Driver, **options: Any) -> Any:
    asked = {"wait": False, "max_wait_minutes": 30, "on_wait": None} | options
    return driver.run(driver.flows.allocate("alice", {"minutes": 30}, **asked))


def held(driver: Driver) -> Holding:
    return Holding(got(driver), driver.flows.now())


@pytest.mark.parametrize(
    "fault",
    [
        no_answer,
        BUSY,
        problem("request_in_progress", 409, retryable=True),
        problem("unavailable", 503, retryable=True, retry_after=2),
        lambda _: data(None, 503),
        lambda _: data(None, 500),
    ],
)
def test_what_passes_is_asked_again_under_the_same_key(driver: Driver, scheduler: Scheduler, fault: Any) -> None:
    scheduler.faults = [fault, fault]

    assert got(driver).device_id == "phone-1"
    keys = [request.headers["Idempotency-Key"] for request in scheduler.sent("POST", "/allocate")]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(driver.pauses) == 2


def test_a_request_whose_answer_was_lost_has_one_effect(driver: Driver, scheduler: Scheduler) -> None:
    def lost(request: Any) -> Any:
        scheduler.faults = []
        scheduler(request)
        return no_answer(request)

    scheduler.faults = [lost]

    assert got(driver).allocation_id == "a-1"
    assert scheduler.grants == 1


def test_two_requests_have_two_keys(driver: Driver, scheduler: Scheduler) -> None:
    got(driver)
    got(driver)

    assert len({request.headers["Idempotency-Key"] for request in scheduler.requests}) == 2


@pytest.mark.parametrize(
    "fault",
    [
        problem("quota_exceeded", 403),
        problem("internal_error", 500),
        problem("no_available_devices", 409, retryable=True),
    ],
)
def test_an_answer_is_not_asked_again(driver: Driver, scheduler: Scheduler, fault: Any) -> None:
    scheduler.faults = [fault]

    with pytest.raises(Refusal):
        got(driver)
    assert len(scheduler.requests) == 1


def test_retry_after_is_obeyed(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.faults = [problem("rate_limited", 429, retryable=True, retry_after=7)]

    got(driver)

    assert 7 <= driver.pauses[0] <= 7.5


def test_who_is_told_to_come_back_too_late_is_told_so_at_once(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.faults = [problem("rate_limited", 429, retryable=True, retry_after=60)]

    with pytest.raises(errors.RateLimited) as refused:
        got(driver)
    assert driver.pauses == []
    assert refused.value.retry_after_seconds == 60


def test_retries_end(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.faults = [no_answer] * 20

    with pytest.raises(NotReached):
        got(driver)
    assert len(scheduler.requests) == Retries().attempts
    assert sum(driver.pauses) <= Retries().total_seconds


def test_pauses_grow_are_drawn_and_are_bounded() -> None:
    retries = Retries(attempts=100, total_seconds=1e9)

    for attempt, most in enumerate([0.5, 1, 2, 4, 8, 8]):
        drawn = {retries.pause(NotReached(), attempt, 0) or 0 for _ in range(200)}
        assert max(drawn) <= most
        assert max(drawn) > most / 2
        assert len(drawn) > 100


def test_a_code_that_is_not_known_is_a_refusal(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.faults = [problem("of_the_future", 409, remainingDevices=3)]

    with pytest.raises(Refusal) as refused:
        got(driver)
    assert type(refused.value) is Refusal
    assert refused.value.problem == Problem("of_the_future", 409, "of_the_future", remaining_devices=3)


def test_a_success_that_cannot_be_read_is_told(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.faults = [lambda _: data({"allocationId": 3}, 201)]

    with pytest.raises(UnreadableAnswer):
        got(driver)


def test_the_clock_is_the_schedulers(driver: Driver, scheduler: Scheduler) -> None:
    got(driver)

    assert driver.flows.now() == scheduler.now


def test_who_waits_is_told_the_place_until_a_phone_is_free(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.free = False
    told: list[Waiter] = []

    def on_wait(waiter: Waiter) -> None:
        told.append(waiter)
        if len(told) == 3:
            scheduler.serve()

    granted = got(driver, wait=True, on_wait=on_wait)

    assert (granted.device_id, granted.adb_host) == ("phone-1", "10.0.0.7")
    assert [(w.position, w.estimated_wait_seconds and w.estimated_wait_seconds.p90) for w in told] == [(2, 200)] * 3


def test_a_wait_outlives_that_the_scheduler_is_away(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.free = False
    scheduler.faults = [None, *[no_answer] * 15]
    driver.on_pause = lambda: scheduler.serve() if scheduler.seconds > 60 and not scheduler.grants else None

    assert got(driver, wait=True).device_id == "phone-1"


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_wait_that_ends_without_a_phone_is_told(driver: Driver, scheduler: Scheduler, status: str) -> None:
    scheduler.free = False

    def on_wait(_: Waiter) -> None:
        scheduler.waiter = {**(scheduler.waiter or {}), "status": status}

    with pytest.raises(WaitEnded, match=status):
        got(driver, wait=True, on_wait=on_wait)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_who_is_interrupted_in_the_line_leaves_it(driver: Driver, scheduler: Scheduler, interruption: Any) -> None:
    scheduler.free = False

    def interrupt(_: Waiter) -> None:
        raise interruption

    with pytest.raises(interruption):
        got(driver, wait=True, on_wait=interrupt)
    assert scheduler.waiter
    assert scheduler.waiter["status"] == "cancelled"


def test_who_is_interrupted_just_when_served_gives_the_phone_back(driver: Driver, scheduler: Scheduler) -> None:
    scheduler.free = False

    def interrupt(_: Waiter) -> None:
        scheduler.serve()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        got(driver, wait=True, on_wait=interrupt)
    assert scheduler.detail()["status"] == "released"


def test_who_is_interrupted_before_the_answer_came_gives_back_what_was_granted(
    driver: Driver, scheduler: Scheduler
) -> None:
    def interrupt(request: Any) -> Any:
        scheduler.faults = []
        scheduler(request)
        raise KeyboardInterrupt

    scheduler.faults = [interrupt]

    with pytest.raises(KeyboardInterrupt):
        got(driver)
    assert (scheduler.grants, scheduler.detail()["status"]) == (1, "released")


def test_a_phone_is_given_back_wherever_a_failover_moved_it(driver: Driver, scheduler: Scheduler) -> None:
    holding = held(driver)
    scheduler.move("phone-2")

    driver.run(driver.flows.release(holding))

    assert scheduler.detail()["status"] == "released"
    assert (holding.device_id, holding.ended) == ("phone-2", "released")


def test_giving_back_what_is_over_is_fine(driver: Driver, scheduler: Scheduler) -> None:
    holding = held(driver)
    scheduler.seconds += 3600

    driver.run(driver.flows.release(holding))

    assert holding.ended


def test_giving_back_is_more_patient(driver: Driver, scheduler: Scheduler) -> None:
    holding = held(driver)
    scheduler.faults = [no_answer] * 9

    driver.run(driver.flows.release(holding))

    assert scheduler.detail()["status"] == "released"


def test_ids_cannot_lead_to_another_route() -> None:
    assert routes.allocation("../devices").path == "/scheduler/allocations/..%2Fdevices"
