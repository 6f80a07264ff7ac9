"""Allocate, renew, batch and join with a billing service beside them: who cannot pay is lent nothing."""

import time
from collections.abc import Iterator

import pytest

from scheduler.adapters.postgres.connection import Database
from tests.support.api import Answer, Api
from tests.support.ledger import assert_ledger_agrees
from tools.neighbours.billing_service import BillingService, billing_service

BOUND_SECONDS = 2.0
MARGIN_SECONDS = 1.5
POOR = {"sufficient": False, "balance": -3.5}
UNWELL = ["down", "busy", "reset", "nonsense", "unauthorized", "redirect", "huge"]
SLOWLY = ["slow", "drip", "drip_headers"]


@pytest.fixture
def neighbour() -> Iterator[BillingService]:
    with billing_service() as running:
        yield running


@pytest.fixture
def api(environment: pytest.MonkeyPatch, api: Api, neighbour: BillingService) -> Api:
    """The functions with a billing service beside them."""
    environment.setenv("BILLING_SERVICE_URL", neighbour.url)
    environment.setenv("SERVICE_TOKEN_SECRET", neighbour.secret)
    return api


def asked(neighbour: BillingService) -> int:
    return sum(seen.path.endswith("/balance") for seen in neighbour.seen)


def test_who_can_pay_is_lent_a_device_and_asked_for_once_in_half_a_minute(api: Api, neighbour: BillingService) -> None:
    api.add_devices(2)

    first, second = api.allocate(), api.allocate()

    assert (first.status, second.status) == (201, 201)
    assert asked(neighbour) == 1
    (seen,) = neighbour.seen
    assert seen.path == "/api/internal/accounts/user/alice/balance"
    assert seen.headers["X-Tenant-Id"] == "acme"


def test_who_cannot_pay_is_refused_and_nothing_is_lent(api: Api, neighbour: BillingService, database: Database) -> None:
    neighbour.ledger.set_balance("alice", POOR)
    api.add_devices(1)

    answer = api.allocate()

    assert (answer.status, answer.code, answer.json["retryable"]) == (402, "insufficient_balance", False)
    assert database.call("SELECT count(*) FROM device_allocations", {}) == 0
    assert_ledger_agrees(database)


def test_a_key_keeps_its_answer_whatever_becomes_of_the_balance(api: Api, neighbour: BillingService) -> None:
    api.add_devices(2)
    neighbour.ledger.set_balance("bob", POOR)
    assert api.allocate(userId="bob", key="poor").status == 402
    neighbour.ledger.set_balance("bob", {})
    assert api.allocate(userId="bob", key="poor").status == 402
    assert api.allocate(userId="bob", key="rich").status == 201
    granted = api.allocate(key="alice")

    neighbour.ledger.set_balance("alice", POOR)
    _forget_what_is_believed()

    again = api.allocate(key="alice")
    assert (granted.status, again.status) == (201, 201)
    assert again.data == granted.data
    assert api.allocate(key="alice", durationMinutes=7).code == "idempotency_key_reused"
    assert api.allocate(key="another").status == 402


def test_a_renewal_is_refused_for_want_of_money_and_the_allocation_goes_on(
    api: Api, neighbour: BillingService, database: Database
) -> None:
    api.add_devices(1)
    lent = api.allocate().data["allocationId"]
    neighbour.ledger.set_balance("alice", POOR)
    _forget_what_is_believed()

    answer = api.renew(lent, 30)

    assert (answer.status, answer.code) == (402, "insufficient_balance")
    assert database.call("SELECT renewal_count FROM device_allocations", {}) == 0
    neighbour.ledger.set_balance("alice", {})
    assert api.renew(lent, 30).status == 200


def test_of_a_batch_only_those_are_refused_who_cannot_pay(api: Api, neighbour: BillingService) -> None:
    api.add_devices(3)
    neighbour.ledger.set_balance("user-1", POOR)

    result = _batch(api, 3).data

    assert [failure["code"] for failure in result["failures"]] == ["insufficient_balance"]
    assert [failure["index"] for failure in result["failures"]] == [1]
    neighbour.ledger.set_balance("user-0", POOR)
    _forget_what_is_believed()
    ids = [success["allocationId"] for success in result["successes"]]
    renewed = api.post("/scheduler/allocations/batch/renew", _SERVICE, {"allocationIds": ids, "additionalMinutes": 5})
    assert [(f["index"], f["code"]) for f in renewed.data["failures"]] == [(0, "insufficient_balance")]


def test_an_atomic_batch_that_could_not_ask_may_be_asked_again_under_its_key(
    environment: pytest.MonkeyPatch, api: Api, neighbour: BillingService
) -> None:
    environment.setenv("BILLING_ALLOW_ON_ERROR", "false")
    api.add_devices(2)
    neighbour.be("down")
    refused = _batch(api, 2, key="atomic", atomic=True)
    assert (refused.status, refused.code) == (503, "billing_service_unavailable")
    neighbour.be("ok")
    _forget_what_is_believed()

    assert _batch(api, 2, key="atomic", atomic=True).data["successCount"] == 2


def test_who_cannot_pay_does_not_join_the_queue(api: Api, neighbour: BillingService, database: Database) -> None:
    neighbour.ledger.set_balance("alice", POOR)
    api.add_devices(1)

    assert api.post("/scheduler/queue", _SERVICE, {"userId": "alice"}).status == 402
    assert api.allocate(wait=True).status == 402
    assert database.call("SELECT count(*) FROM queue_entries", {}) == 0


@pytest.mark.parametrize("mood", [*UNWELL, *SLOWLY])
def test_an_unwell_service_lets_everybody_pass_in_bounded_time(api: Api, neighbour: BillingService, mood: str) -> None:
    api.add_devices(1)
    neighbour.be(mood, seconds=30 if mood == "slow" else 0)
    started = time.monotonic()

    answer = api.allocate()

    assert answer.status == 201
    assert time.monotonic() - started < BOUND_SECONDS + MARGIN_SECONDS


def test_an_unwell_service_refuses_for_now_where_failures_are_not_to_allow(
    environment: pytest.MonkeyPatch, api: Api, neighbour: BillingService, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("BILLING_ALLOW_ON_ERROR", "false")
    api.add_devices(1)
    neighbour.be("down")

    refused = api.allocate(key="k")

    assert (refused.status, refused.code, refused.json["retryable"]) == (503, "billing_service_unavailable", True)
    assert refused.headers["Retry-After"] == "10"
    neighbour.be("ok")
    assert api.allocate(key="k").status == 201
    (told,) = [record for record in caplog.records if record.message == "balance not read"]
    assert neighbour.url not in str(vars(told))


@pytest.mark.parametrize(("mood", "health"), [("ok", "up"), ("gone", "down")])
def test_health_tells_of_it(api: Api, neighbour: BillingService, environment, mood: str, health: str) -> None:
    if mood == "gone":
        environment.setenv("BILLING_SERVICE_URL", "http://127.0.0.1:1")

    told = api.get("/scheduler/health", None)

    assert told.status == 200
    assert told.data["parts"]["billingService"] == health
    assert told.data["status"] == ("ok" if mood == "ok" else "degraded")


_SERVICE = {"sub": "shop", "tenant_id": "acme", "scope": "scheduler.service"}


def _batch(api: Api, count: int, key: str | None = None, **mode: bool) -> Answer:
    items = [{"userId": f"user-{number}"} for number in range(count)]
    return api.post("/scheduler/allocations/batch", _SERVICE, {"items": items, **mode}, key=key)


def _forget_what_is_believed() -> None:
    """As after half a minute, or in another execution environment."""
    from scheduler.runtime import billing

    balances = billing.get_balances()
    balances._believed_until.clear()
