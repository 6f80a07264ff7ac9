"""Whether a user can pay: what is believed, what is kept, and who is asked at all; on fakes."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import pytest

from scheduler.adapters.http.billing_service import BALANCE_PATIENCE, BELIEVED_SECONDS, BillingBalances
from scheduler.adapters.http.neighbour import Call
from scheduler.adapters.http.patience import Patience
from scheduler.adapters.http.session import Answer, ServiceFailed
from scheduler.adapters.redis.breaker_store import RedisBreakerStore
from scheduler.domain.errors import BillingServiceUnavailable, IdempotencyKeyReused, InsufficientBalance
from scheduler.domain.model import RequestKey, User
from scheduler.domain.outcome import Facts
from scheduler.service.solvency import Solvency
from tests.support.fake_meter import FakeMeter

ANA, BEN = User("acme", "ana"), User("acme", "ben")
KEY = RequestKey("acme", "user:ana", "POST /allocate", "k-1", "hash")
GRANTED = {"outcome": "granted", "allocationId": "a-1"}
POOR = {"outcome": "insufficient_balance"}
UNKNOWN = {"outcome": "balance_unavailable"}


@dataclass
class Balances:
    """Refuses everybody as told."""

    refusal: Facts | None = None

    def refusals(self, users: Collection[User]) -> Mapping[User, Facts]:
        return {user: self.refusal for user in users if self.refusal}


@dataclass
class Keys:
    """Keeps one answer."""

    answer: Facts | None = None

    def kept(self, _: RequestKey) -> Facts | None:
        return self.answer

    def keep(self, _: RequestKey, facts: Facts) -> Facts:
        self.answer = self.answer or facts
        return self.answer


@dataclass
class Service:
    """A billing service that answers each user as told, or fails."""

    answers: dict[str, object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    time: float = 0.0

    def ask(self, _: str, call: Call, patience: Patience) -> Answer:
        user = call.path.split("/")[-2]
        self.asked.append(user)
        answer = self.answers.get(user, {"sufficient": True, "balance": 1, "currency": "EUR"})
        if isinstance(answer, Answer):
            return answer
        if answer is None:
            raise ServiceFailed("down")
        return Answer(200, json.dumps(answer).encode())

    def balances(self, *, allow_on_error: bool = False, seconds: float = 2.0) -> BillingBalances:
        return BillingBalances(
            self,  # type: ignore[arg-type]
            RedisBreakerStore(None),
            FakeMeter(),
            allow_on_error=allow_on_error,
            circuit=f"billing-{id(self)}",
            patience=replace(BALANCE_PATIENCE, seconds=seconds),
            now=lambda: self.time,
        )


@pytest.mark.parametrize("key", [None, KEY])
def test_who_can_pay_goes_on(key: RequestKey | None) -> None:
    assert Solvency(Balances(), Keys()).answer(ANA, key) is None  # type: ignore[arg-type]


def test_who_cannot_pay_is_refused_and_the_refusal_is_the_keys_answer() -> None:
    keys = Keys()

    with pytest.raises(InsufficientBalance):
        Solvency(Balances(POOR), keys).answer(ANA, KEY)  # type: ignore[arg-type]

    assert keys.answer == POOR


def test_a_refusal_that_passes_is_not_kept() -> None:
    keys = Keys()

    with pytest.raises(BillingServiceUnavailable):
        Solvency(Balances(UNKNOWN), keys).answer(ANA, KEY)  # type: ignore[arg-type]

    assert keys.answer is None


@pytest.mark.parametrize("refusal", [POOR, UNKNOWN])
def test_what_the_same_request_was_granted_before_stands(refusal: Facts) -> None:
    assert Solvency(Balances(refusal), Keys(GRANTED)).answer(ANA, KEY) == GRANTED  # type: ignore[arg-type]


@pytest.mark.parametrize("refusal", [POOR, UNKNOWN])
def test_a_key_of_another_request_is_told_so(refusal: Facts) -> None:
    with pytest.raises(IdempotencyKeyReused):
        Solvency(Balances(refusal), Keys({"outcome": "key_reused"})).answer(ANA, KEY)  # type: ignore[arg-type]


def test_that_a_balance_suffices_is_believed_for_half_a_minute() -> None:
    service = Service()
    balances = service.balances()

    assert balances.refusals([ANA]) == {}
    service.time += BELIEVED_SECONDS - 1
    assert balances.refusals([ANA]) == {}
    assert service.asked == ["ana"]
    service.time += 1
    assert balances.refusals([ANA]) == {}
    assert service.asked == ["ana", "ana"]


@pytest.mark.parametrize("answer", [{"sufficient": False}, None])
def test_a_refusal_is_never_believed_again(answer: object) -> None:
    service = Service({"ana": answer})
    balances = service.balances()
    assert ANA in balances.refusals([ANA])
    del service.answers["ana"]

    assert balances.refusals([ANA]) == {}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"sufficient": "yes"},
        {"sufficient": 1},
        {"balance": 3},
        Answer(404, b"{}"),
        Answer(422, b"{}"),
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(200, b""),
    ],
)
@pytest.mark.parametrize(("allow", "expected"), [(True, {}), (False, {ANA: UNKNOWN})])
def test_without_an_answer_the_setting_decides(answer: object, allow: bool, expected: Mapping[User, Facts]) -> None:
    assert Service({"ana": answer}).balances(allow_on_error=allow).refusals([ANA]) == expected


def test_a_user_whom_the_service_will_not_judge_does_not_open_the_circuit() -> None:
    service = Service({"ana": Answer(404, b"{}")})
    balances = service.balances()
    for _ in range(5):
        balances.refusals([ANA])

    assert balances.refusals([BEN]) == {}


def test_three_failures_open_the_circuit_and_nobody_is_asked_then() -> None:
    service = Service({"ana": None})
    balances = service.balances()
    for _ in range(5):
        assert balances.refusals([ANA]) == {ANA: UNKNOWN}

    assert len(service.asked) == 3


def test_of_many_each_is_asked_once_and_only_the_poor_are_refused() -> None:
    service = Service({"ben": {"sufficient": False}})

    assert service.balances().refusals([ANA, BEN, ANA]) == {BEN: POOR}
    assert sorted(service.asked) == ["ana", "ben"]


def test_with_no_time_left_nobody_is_asked() -> None:
    service = Service()

    assert service.balances(seconds=0.1).refusals([ANA]) == {ANA: UNKNOWN}
    assert service.asked == []
