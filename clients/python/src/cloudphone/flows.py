"""What takes several requests, and how a failed one is repeated: as generators that neither send nor sleep.

A flow yields what it wants done (a `Call` to send, a `Pause` to make) and is given the outcome. `Client` does it with
threads, `AsyncClient` with tasks; tests do it in no time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from cloudphone import routes
from cloudphone.calls import Call
from cloudphone.errors import (
    AllocationNotActive,
    AllocationNotFound,
    CloudPhoneError,
    NoAvailableDevices,
    QueueEntryNotWaiting,
    StaleFencingToken,
    WaitEnded,
    refusal,
)
from cloudphone.holding import Holding
from cloudphone.models import Allocation, AllocationDetail, Waiter, WaitStatus
from cloudphone.routes import Wants

T = TypeVar("T")
OnWait = Callable[[Waiter], None]


@dataclass(frozen=True)
class Pause:
    """Wait as long before going on."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Flow = Generator["Call[Any] | Pause", "Answer | None", T]


@dataclass(frozen=True)
class Retries:
    """How often a request that failed in passing is sent again: with growing pauses, drawn at random, and bounded.

    `Retry-After` is obeyed; when it exceeds what is left of `total_seconds` the failure is told at once.
    """

    attempts: int = 6
    base_seconds: float = 0.5
    longest_seconds: float = 8.0
    total_seconds: float = 30.0

    def pause(self, problem: CloudPhoneError, attempt: int, spent: float) -> float | None:
        """Give the pause before the next attempt, None when there shall be none; `attempt` counts from 0."""
        if not problem.transient or isinstance(problem, NoAvailableDevices):  # an answer: the queue is what waits
            return None
        drawn = random.uniform(0, min(self.longest_seconds, self.base_seconds * 2**attempt))
        pause = (problem.retry_after_seconds or 0) + drawn
        return pause if attempt + 1 < self.attempts and spent + pause <= self.total_seconds else None


PATIENT = Retries(attempts=12, total_seconds=60)
"""For what must not be given up lightly: giving a phone back."""


class Flows:
    """The flows of one client, and what they share: its patience, and the scheduler's clock as its answers tell it."""

    def __init__(self, retries: Retries, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin with this machine's clock, until an answer tells the scheduler's."""
        self.retries = retries
        self._monotonic = monotonic
        self._started = datetime.now(timezone.utc) - timedelta(seconds=monotonic())

    def now(self) -> datetime:
        """Give the scheduler's time, right to a second; what this machine's clock shows matters only at first."""
        return self._started + timedelta(seconds=self._monotonic())

    def ask(self, call: Call[T], retries: Retries | None = None) -> Flow[T]:
        """Send a request, again where that can help, and give what its answer means."""
        patience, spent, attempt = retries or self.retries, 0.0, 0
        while True:
            try:
                return self._meaning(call, (yield call))
            except CloudPhoneError as problem:
                pause = patience.pause(problem, attempt, spent)
                if pause is None:
                    raise
            yield Pause(pause)
            spent, attempt = spent + pause, attempt + 1

    def allocate(
        self, user_id: str, wants: Wants, *, wait: bool, max_wait_minutes: int, on_wait: OnWait | None
    ) -> Flow[Allocation | AllocationDetail]:
        """Get a phone, with `wait` by way of the queue. Interrupted, it leaves neither phone nor wait behind."""
        call = routes.allocate(user_id, wants, wait=wait, max_wait_minutes=max_wait_minutes)
        left_behind: Call[Allocation | Waiter] | Waiter = call
        try:
            found = yield from self.ask(call)
            if not isinstance(found, Waiter):
                return found
            left_behind = found
            return (yield from self._stand_in_line(found, on_wait))
        except GeneratorExit:
            raise
        except BaseException as why:  # Ctrl-C, SystemExit, a cancelled task; in the line also whatever else
            if isinstance(left_behind, Waiter) or not isinstance(why, Exception):
                yield from self._undo(left_behind)
            raise

    def release(self, holding: Holding) -> Flow[None]:
        """Give a phone back, wherever a failover moved it; what has ended already is fine."""
        for _ in range(3):
            try:
                given = routes.release(holding.device_id, holding.allocation_id, holding.user_id)
                yield from self.ask(given, PATIENT)
            except AllocationNotActive:
                pass
            except (AllocationNotFound, StaleFencingToken):
                detail = yield from self.ask(routes.allocation(holding.allocation_id), PATIENT)
                if holding.follow(detail, self.now()) == "moved":
                    continue
            break
        holding.end("released")

    def _stand_in_line(self, waiter: Waiter, on_wait: OnWait | None) -> Flow[AllocationDetail]:
        deadline = waiter.expires_at + timedelta(minutes=2)
        while waiter.status == WaitStatus.WAITING:
            if self.now() > deadline:
                raise WaitEnded("The scheduler does not answer, and the wait is over.")
            if on_wait:
                on_wait(waiter)
            yield Pause(_look_again_seconds(waiter))
            try:
                waiter = yield from self.ask(routes.waiter(waiter.id))
            except CloudPhoneError as problem:
                if not problem.transient:
                    raise
        if waiter.status != WaitStatus.FULFILLED or waiter.allocation_id is None:
            raise WaitEnded(f"The wait was {waiter.status} before a phone was free.")
        return (yield from self.ask(routes.allocation(waiter.allocation_id), PATIENT))

    def _undo(self, left_behind: Call[Allocation | Waiter] | Waiter) -> Flow[None]:
        """Give back what an interrupted request got, as far as one attempt goes; the same key tells what that was."""
        try:
            call = left_behind
            found = self._meaning(call, (yield call)) if isinstance(call, Call) else call
            granted = (yield from self._leave(found)) if isinstance(found, Waiter) else found
            if granted:
                yield routes.release(granted.device_id, granted.allocation_id, granted.user_id)
        except CloudPhoneError:
            pass

    def _leave(self, waiter: Waiter) -> Flow[AllocationDetail | None]:
        """Leave the line; who was served meanwhile has a phone to give back."""
        call = routes.leave_queue(waiter.id)
        try:
            self._meaning(call, (yield call))
        except QueueEntryNotWaiting:
            now = yield from self.ask(routes.waiter(waiter.id))
            if now.allocation_id:
                return (yield from self.ask(routes.allocation(now.allocation_id)))
        return None

    def _meaning(self, call: Call[T], answer: Answer | None) -> T:
        if answer is None:
            raise TypeError("a call was taken for a pause")
        told = answer.headers.get("date")
        if told:
            self._started = parsedate_to_datetime(told) - timedelta(seconds=self._monotonic())
        if answer.status >= 300:
            raise refusal(answer.status, answer.headers, answer.body)
        return call.read(answer.status, answer.body)


def _look_again_seconds(waiter: Waiter) -> float:
    """Ask more often the sooner a phone is likely, between 1 and 10 seconds, not in step with others."""
    likely = waiter.estimated_wait_seconds.p50 if waiter.estimated_wait_seconds else 60
    return max(1.0, min(10.0, likely / 10)) * random.uniform(0.8, 1.2)
