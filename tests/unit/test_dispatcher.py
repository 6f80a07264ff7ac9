"""A run of dispatch: its parts, its waits, and what it does when parts fail."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from scheduler.adapters.open_gate import NoCache
from scheduler.domain.errors import Unavailable
from scheduler.domain.model import EndedAllocation, User
from scheduler.domain.outcome import Facts
from scheduler.domain.plans import plan_document
from scheduler.domain.queue import EndedWait
from scheduler.domain.quota import QuotaDocument, QuotaTerms
from scheduler.service.dispatcher import SHORTEST_PAUSE_SECONDS, Dispatcher
from scheduler.service.line import Line
from tests.support.fake_meter import FakeMeter

GRANT = {
    "outcome": "granted",
    "allocationId": "a",
    "deviceId": "d",
    "deviceName": "d",
    "deviceStatus": "running",
    "userId": "alice",
    "tenantId": "acme",
    "allocatedAt": "2026-03-02T09:00:00Z",
    "expiresAt": "2026-03-02T10:00:00Z",
    "durationMinutes": 60,
    "fencingToken": 1,
    "adbHost": "10.0.0.7",
    "adbPort": 5555,
    "entryId": "e",
    "tier": "pro",
    "waitedSeconds": 12.0,
}
NOBODY = {"outcome": "nobody"}


def busy(entry: str) -> Facts:
    return {"outcome": "busy", "entryId": entry}


def stale(*users: str) -> Facts:
    specs = {"deviceType": None, "minCpu": None, "minMemory": None, "minStorage": None}
    return {
        "outcome": "stale",
        "entries": [{"entryId": f"entry-{user}", "tenantId": "acme", "userId": user, **specs} for user in users],
    }


@dataclass
class ScriptedQueue:
    """Answers in order what it was given; then that nobody can be served and nothing is due."""

    answers: list[Facts] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    passed: list[set[str]] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def length(self) -> int:
        return 1

    def serve_next(self, passed: Collection[str], fresh_seconds: int) -> Facts:
        assert fresh_seconds < 60
        self.log.append("serve")
        self.passed.append(set(passed))
        return self.answers.pop(0) if self.answers else NOBODY

    def refresh(self, entry_id: str, terms: QuotaTerms) -> None:
        self.refreshed.append(entry_id)

    def expire(self, limit: int) -> Sequence[EndedWait]:
        return []

    def hold(self, after_minutes: int) -> Facts:
        return {"outcome": "none"}

    def drop_holds(self, limit: int) -> int:
        return 0

    def seconds_until_due(self) -> float | None:
        return self.due.pop(0) if self.due else None


class NoneOverdue:
    """A fleet in which nothing is overdue."""

    def expire_due(self, limit: int) -> Sequence[EndedAllocation]:
        return []


@dataclass
class Quotas:
    """Gives everybody a plan, but for those who are unknown to it."""

    unreadable: set[str] = field(default_factory=set)

    def documents(self, users: Collection[User]) -> Mapping[User, QuotaDocument]:
        return {user: plan_document("pro") for user in users if user.user_id not in self.unreadable}


@dataclass
class Keeper:
    """Notes that it was called; the first part fails when it is to."""

    log: list[str]
    broken: bool = False

    def execute_due(self) -> int:
        if self.broken:
            raise Unavailable
        self.log.append("execute")
        return 1

    def move_endangered(self) -> int:
        return 0

    def end_no_shows(self) -> int:
        return 0


@dataclass
class Stage:
    """A dispatcher on scripted parts."""

    queue: ScriptedQueue
    quotas: Quotas = field(default_factory=Quotas)
    broken: bool = False
    pauses: list[float] = field(default_factory=list)
    meter: FakeMeter = field(default_factory=FakeMeter)

    def line(self) -> Line:
        return Line(self.queue, NoneOverdue(), self.quotas, NoCache(), self.meter)  # type: ignore[arg-type]

    def dispatcher(self) -> Dispatcher:
        keeper = Keeper(self.queue.log, self.broken)
        return Dispatcher(
            self.queue,  # type: ignore[arg-type]
            self.line(),
            keeper,
            object(),  # type: ignore[arg-type]  only requests have keys
            self.meter,
            hold_minutes=15,
            pause=self.pauses.append,
        )


def test_reservations_come_before_the_queue() -> None:
    stage = Stage(ScriptedQueue())

    stage.dispatcher().run(0)

    assert stage.queue.log == ["execute", "serve"]


def test_a_run_serves_until_nobody_can_be_served() -> None:
    stage = Stage(ScriptedQueue([GRANT, GRANT]))

    assert stage.dispatcher().run(0)["served"] == 2
    assert stage.meter.observed["QueueWait"] == [(12.0, "Seconds")] * 2


def test_a_run_serves_no_more_than_it_is_asked_to() -> None:
    assert Stage(ScriptedQueue([GRANT] * 5)).line().serve(limit=3) == 3


def test_a_run_pauses_until_what_falls_due_within_it_and_then_ends() -> None:
    stage = Stage(ScriptedQueue(due=[3.0, 0.001, 80.0]))

    stage.dispatcher().run(50)

    assert stage.pauses == [3.0, SHORTEST_PAUSE_SECONDS]
    assert stage.queue.log.count("serve") == 3


def test_a_part_that_fails_stops_no_other_and_is_told_in_the_end() -> None:
    stage = Stage(ScriptedQueue([GRANT]), broken=True)

    with pytest.raises(ExceptionGroup) as told:
        stage.dispatcher().run(50)

    assert stage.meter.counted["QueueServed"] == 1
    assert isinstance(told.value.exceptions[0], Unavailable)


def test_a_nudge_that_fails_is_not_sent_again_and_told_without_the_words_of_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = Stage(ScriptedQueue([GRANT]), broken=True)

    assert stage.dispatcher().nudge()["served"] == 1
    assert stage.meter.counted["DispatchPartFailed"] == 1
    (told,) = [vars(record) for record in caplog.records if record.msg == "part of dispatch failed"]
    assert (told["part"], told["reason"]) == ("executed", "Unavailable")


def test_stale_quotas_are_read_and_the_line_served_again() -> None:
    stage = Stage(ScriptedQueue([stale("alice", "bob"), GRANT]))

    assert stage.line().serve() == 1
    assert stage.queue.refreshed == ["entry-alice", "entry-bob"]


def test_whose_quota_cannot_be_read_is_passed_over() -> None:
    stage = Stage(ScriptedQueue([stale("alice", "bob"), GRANT]), Quotas(unreadable={"alice"}))

    assert stage.line().serve() == 1
    assert stage.queue.refreshed == ["entry-bob"]
    assert stage.queue.passed == [set(), {"entry-alice"}, {"entry-alice"}]


def test_who_is_busy_is_come_to_twice_and_then_passed_over() -> None:
    stage = Stage(ScriptedQueue([busy("e"), busy("e"), GRANT]))

    assert stage.line().serve() == 1
    assert stage.queue.passed == [set(), set(), {"e"}, {"e"}]
