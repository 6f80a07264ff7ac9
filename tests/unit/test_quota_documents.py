"""Quotas of many users from the user service: ten at once, all in the time of one."""

import json
import threading
from dataclasses import replace

from scheduler.adapters.http.neighbour import Call
from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.session import Answer, ServiceFailed
from scheduler.adapters.http.user_service import MOST_AT_ONCE, READ_PATIENCE, UserServiceQuotas
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.domain.model import User
from scheduler.domain.plans import plan_document
from scheduler.domain.quota import NO_DOCUMENT
from tests.support.fake_meter import FakeMeter

USERS = [User("acme", f"user-{n}") for n in range(30)]


class Service:
    """A user service that keeps its callers until ten are there, and notes how many came and what time they had."""

    def __init__(self, *, failing: str = "") -> None:
        self.asked: list[tuple[str, float]] = []
        self.most_at_once = 0
        self._failing = failing
        self._at_once = 0
        self._lock = threading.Lock()
        self._ten = threading.Barrier(MOST_AT_ONCE)

    def ask(self, user: User, call: Call, patience: Patience) -> Answer:
        with self._lock:
            self.asked.append((user.user_id, patience.seconds))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self._ten.wait(timeout=30)
        with self._lock:
            self._at_once -= 1
        if user.user_id == self._failing:
            raise ServiceFailed("down")
        document = {"status": "active", "planName": user.user_id, "limits": {}}
        return Answer(200, json.dumps(document).encode())


def quotas_of(service: Service, *, allow_on_error: bool = False, seconds: float = 5.0) -> UserServiceQuotas:
    return UserServiceQuotas(
        service,  # type: ignore[arg-type]
        RedisBreakerStore(None),
        FakeMeter(),
        unknown_user=plan_document("pro"),
        allow_on_error=allow_on_error,
        patience=replace(READ_PATIENCE, seconds=seconds),
    )


def test_each_user_has_her_own_and_ten_are_read_at_once() -> None:
    service = Service()

    read = quotas_of(service).documents([*USERS, *USERS])

    assert {user: document.plan_name for user, document in read.items()} == {user: user.user_id for user in USERS}
    assert (len(service.asked), service.most_at_once) == (30, MOST_AT_ONCE)
    assert all(seconds <= READ_PATIENCE.seconds for _, seconds in service.asked)


def test_who_cannot_be_read_is_missing_and_the_others_are_there() -> None:
    read = quotas_of(Service(failing="user-7")).documents(USERS)

    assert set(USERS) - set(read) == {User("acme", "user-7")}


def test_failures_allow_where_that_is_wanted() -> None:
    assert quotas_of(Service(failing="user-7"), allow_on_error=True).documents(USERS)[USERS[7]] is NO_DOCUMENT


def test_without_time_left_nobody_is_asked_and_the_service_is_not_blamed() -> None:
    service = Service()

    assert quotas_of(service, seconds=0.1).documents(USERS) == {}
    assert service.asked == []
