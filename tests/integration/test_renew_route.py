"""POST /scheduler/allocations/{allocationId}/renew and GET …/renewal, through the handler, on real parts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.domain.renewal import TIERS
from tests.support.api import OPERATOR, OTHER_TENANT, OTHER_USER, SERVICE, USER, Answer, Api, Claims
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees
from tests.support.schemas import faults

NOBODYS = "5b9bfcdb-2248-43af-aaf8-e44637ed1cd7"

WRONG_BODIES = [
    pytest.param({}, 422, "validation_failed", id="additionalMinutes missing"),
    pytest.param({"additionalMinutes": 0}, 422, "validation_failed", id="no minute"),
    pytest.param({"additionalMinutes": -30}, 422, "validation_failed", id="fewer minutes"),
    pytest.param({"additionalMinutes": 1441}, 422, "validation_failed", id="more than a day"),
    pytest.param({"additionalMinutes": "30"}, 422, "validation_failed", id="minutes as text"),
    pytest.param({"additionalMinutes": 30, "reason": ""}, 422, "validation_failed", id="reason empty"),
    pytest.param({"additionalMinutes": 30, "reason": "x" * 501}, 422, "validation_failed", id="reason too long"),
    pytest.param({"additionalMinutes": 30, "reason": "a\0b"}, 422, "validation_failed", id="reason with a NUL"),
    pytest.param({"additionalMinutes": 30, "force": True}, 422, "validation_failed", id="unknown field"),
    pytest.param("{", 400, "invalid_json", id="broken JSON"),
]
MAY_RENEW = [
    pytest.param(USER, id="its holder"),
    pytest.param(SERVICE, id="a service of the tenant"),
    pytest.param(OPERATOR, id="an operator"),
]


@dataclass
class Loan:
    """An allocation of alice, on a plan, with the clock standing still."""

    api: Api
    database: Database
    clock: Clock
    id: str = ""
    device_id: str = ""

    def begin(self, plan: str, minutes: int = 30) -> "Loan":
        self.database.call("INSERT INTO quotas VALUES ('acme', 'alice', %(plan)s)", {"plan": plan})
        self.api.add_devices(1)
        grant = self.api.allocate(durationMinutes=minutes).data
        self.id, self.device_id = grant["allocationId"], grant["deviceId"]
        return self

    def renew(self, minutes: object, claims: Claims = SERVICE, **asked: Any) -> Answer:
        return self.api.renew(self.id, minutes, claims, **asked)

    def outlook(self, claims: Claims = SERVICE) -> Any:
        return self.api.get(f"/scheduler/allocations/{self.id}/renewal", claims).data

    def reserve(self, after_end: timedelta) -> None:
        """Have the device promised to somebody for some time after the end."""
        self.database.call(
            "UPDATE devices SET next_reserved_at = busy_until + %(after)s WHERE id = %(device)s",
            {"after": after_end, "device": self.device_id},
        )

    def row(self) -> dict[str, Any]:
        (row,) = self.database.rows("SELECT * FROM device_allocations", {})
        return row


@pytest.fixture
def lend(api: Api, database: Database, still_clock: Clock) -> Callable[..., Loan]:
    return Loan(api, database, still_clock).begin


@pytest.mark.parametrize("claims", MAY_RENEW)
def test_a_renewal_gives_a_later_end(lend: Callable[..., Loan], database: Database, claims: Claims) -> None:
    loan = lend("pro")
    before = loan.row()

    answer = loan.renew(45, claims, reason="The test still runs")

    after = loan.row()
    (device,) = database.rows("SELECT * FROM devices", {})
    assert (answer.status, answer.json["message"]) == (200, "Allocation renewed successfully")
    assert answer.data == {
        "oldExpiresAt": wire(before["expires_at"]),
        "newExpiresAt": wire(before["expires_at"] + timedelta(minutes=45)),
        "additionalMinutes": 45,
        "renewalCount": 1,
        "remainingRenewals": 9,
        "totalDurationMinutes": 75,
    }
    assert after["expires_at"] == device["busy_until"] == before["expires_at"] + timedelta(minutes=45)
    assert (after["renewal_count"], after["last_renewed_at"]) == (1, loan.clock.read())
    assert after["duration_minutes"] == 30
    assert_ledger_agrees(database)


def test_a_renewal_leaves_one_event_of_its_device(lend: Callable[..., Loan], database: Database) -> None:
    loan = lend("enterprise")
    answer = loan.renew(30, reason="why")

    (event,) = database.rows("SELECT * FROM outbox WHERE type = 'scheduler.allocation.renewed'", {})
    told = {
        "specversion": "1.0",
        "id": event["event_id"],
        "type": event["type"],
        "source": "/scheduler",
        "subject": event["subject"],
        "time": wire(event["occurred_at"]),
        "datacontenttype": "application/json",
        "data": event["data"],
    }
    assert (event["subject"], event["group_id"], event["tenant_id"]) == (loan.id, loan.device_id, "acme")
    assert faults(told) == []
    names = {"allocationId": loan.id, "deviceId": loan.device_id, "userId": "alice", "tenantId": "acme"}
    assert event["data"] == answer.data | names | {"reason": "why", "renewedAt": wire(loan.clock.read())}


def test_the_history_is_kept_and_told_newest_first(lend: Callable[..., Loan]) -> None:
    loan = lend("pro")
    loan.renew(10, reason="first")
    loan.clock.advance(minutes=1)
    second = loan.renew(20).data

    history = loan.outlook()["history"]

    assert [(past["additionalMinutes"], past["reason"]) for past in history] == [(20, None), (10, "first")]
    assert history[0]["oldExpiresAt"] == history[1]["newExpiresAt"] == second["oldExpiresAt"]
    assert history[0]["newExpiresAt"] == second["newExpiresAt"]
    assert history[0]["renewedAt"] == wire(loan.clock.read())
    detail = loan.api.get(f"/scheduler/allocations/{loan.id}", USER).data
    assert (detail["renewalCount"], detail["lastRenewedAt"]) == (2, history[0]["renewedAt"])


def test_the_end_comes_when_the_renewed_minutes_are_over(lend: Callable[..., Loan]) -> None:
    loan = lend("pro", minutes=5)
    loan.renew(5)
    loan.clock.advance(minutes=9)
    sweep = "/scheduler/allocations/release-expired"

    assert loan.api.post(sweep, SERVICE).json["count"] == 0
    loan.clock.advance(minutes=1)
    assert loan.api.post(sweep, SERVICE).json["count"] == 1
    assert loan.row()["duration_seconds"] == 600


@pytest.mark.parametrize(
    "claims", [pytest.param(OTHER_USER, id="another user"), pytest.param(OTHER_TENANT, id="another tenant's service")]
)
def test_for_anybody_else_the_allocation_does_not_exist(lend: Callable[..., Loan], claims: Claims) -> None:
    loan = lend("pro")
    before = loan.row()

    answers = [loan.renew(30, claims), loan.api.get(f"/scheduler/allocations/{loan.id}/renewal", claims)]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "allocation_not_found")}
    assert loan.row() == before


@pytest.mark.parametrize("claims", MAY_RENEW)
@pytest.mark.parametrize("name", [NOBODYS, "latest", f"urn:uuid:{NOBODYS}"])
def test_what_is_not_there_is_not_found(api: Api, name: str, claims: Claims) -> None:
    answers = [api.renew(name, 30, claims), api.get(f"/scheduler/allocations/{name}/renewal", claims)]

    assert {(answer.status, answer.code) for answer in answers} == {(404, "allocation_not_found")}


@pytest.mark.parametrize("released", [True, False], ids=["released", "expired but not swept"])
def test_what_is_over_is_not_renewed(lend: Callable[..., Loan], released: bool) -> None:
    loan = lend("enterprise", minutes=5)
    if released:
        loan.api.release(loan.device_id)
    else:
        loan.clock.advance(minutes=5)

    answer, outlook = loan.renew(30), loan.outlook()

    assert (answer.status, answer.code) == (409, "allocation_not_active")
    assert (outlook["canRenew"], outlook["reason"]) == (False, "allocation_not_active")
    assert (outlook["maxAdditionalMinutes"], outlook["nextRenewalAt"]) == (0, None)


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        pytest.param("UPDATE quotas SET status = 'suspended'", "Quota suspended", id="suspended"),
        pytest.param("UPDATE quotas SET status = 'expired'", "Quota expired", id="expired"),
        pytest.param(
            "UPDATE quotas SET valid_until = '2020-01-01Z'", "Quota expired at 2020-01-01T00:00:00.000000Z", id="over"
        ),
        pytest.param("UPDATE quota_usage SET blocked = true", "User is suspended", id="blocked"),
    ],
)
def test_a_user_who_may_hold_nothing_renews_nothing(
    api: Api, database: Database, lend: Callable[..., Loan], redis_url: str, trouble: str, text: str
) -> None:
    loan = lend("free", minutes=120)  # by the rules of the tier there is nothing to renew either: the quota comes first
    database.call(trouble, {})
    forget_quotas(redis_url)

    answer, outlook = loan.renew(1440), loan.outlook()

    assert (answer.status, answer.code, answer.json["detail"]) == (403, "quota_exceeded", text)
    assert answer.json["remainingDevices"] == 0
    assert (outlook["canRenew"], outlook["reason"], outlook["detail"]) == (False, "quota_exceeded", text)


def test_a_quota_that_is_used_up_does_not_hinder_a_renewal(lend: Callable[..., Loan]) -> None:
    loan = lend("free")  # one device, and she holds it

    assert loan.renew(30).status == 200


@pytest.mark.parametrize("plan", ["free", "basic", "pro", "enterprise"])
def test_each_tier_has_its_own_limits_and_the_total_counts_the_grant(lend: Callable[..., Loan], plan: str) -> None:
    tier = TIERS[plan]
    loan = lend(plan)

    refused, renewed = loan.renew(tier.max_minutes + 1), loan.renew(tier.max_minutes)

    assert (refused.status, refused.code, refused.json["rule"]) == (403, "renewal_refused", "minutes")
    assert refused.json["maxAdditionalMinutes"] == tier.max_minutes
    assert renewed.data["totalDurationMinutes"] == 30 + tier.max_minutes
    assert renewed.data["remainingRenewals"] == (-1 if tier.max_count is None else tier.max_count - 1)


def test_a_plan_that_is_not_known_renews_as_free(lend: Callable[..., Loan], database: Database) -> None:
    database.call("INSERT INTO quota_plans (name) VALUES ('gold')", {})
    loan = lend("gold")

    assert loan.outlook()["maxAdditionalMinutes"] == TIERS["free"].max_minutes
    assert loan.renew(31).json["rule"] == "minutes"


def test_a_reservation_says_how_many_minutes_are_possible(lend: Callable[..., Loan]) -> None:
    loan = lend("pro")
    loan.reserve(timedelta(minutes=39, seconds=59))

    refused = loan.renew(40)

    assert (refused.status, refused.code, refused.json["retryable"]) == (409, "renewal_refused", False)
    assert "Retry-After" not in refused.headers
    told = {name: refused.json[name] for name in ("rule", "maxAdditionalMinutes", "nextRenewalAt", "remainingRenewals")}
    assert told == {
        "rule": "reservation",
        "maxAdditionalMinutes": 39,
        "nextRenewalAt": None,
        "remainingRenewals": 10,
    }
    assert loan.renew(39).status == 200
    assert (loan.outlook()["reason"], loan.outlook()["maxAdditionalMinutes"]) == ("cooldown", 0)


def test_patience_is_told_to_the_second(lend: Callable[..., Loan]) -> None:
    loan = lend("basic", minutes=90)

    early = loan.renew(30)
    loan.clock.advance(minutes=30)
    in_time = loan.renew(30)
    loan.clock.advance(minutes=1)
    hasty = loan.renew(30)

    assert (early.status, early.json["rule"], early.headers["Retry-After"]) == (409, "window", "1800")
    assert in_time.status == 200
    # Two minutes after the renewal it would be allowed again, but then the end is 88 minutes away.
    assert (hasty.json["rule"], hasty.headers["Retry-After"]) == ("cooldown", str(29 * 60))
    assert hasty.json["nextRenewalAt"] == wire(loan.clock.read() + timedelta(minutes=29))


def test_what_the_look_ahead_says_the_renewal_does(lend: Callable[..., Loan]) -> None:
    """Until a free allocation can never be renewed again: what is possible is granted, a minute more is refused."""
    loan, told = lend("free", minutes=65), []
    while (outlook := loan.outlook())["maxAdditionalMinutes"]:
        most = outlook["maxAdditionalMinutes"]
        told.append((outlook["reason"], most))
        if outlook["canRenew"]:
            assert loan.renew(most + 1).code == "renewal_refused"
            assert loan.renew(most).status == 200
        else:
            assert loan.renew(1).json["rule"] == outlook["reason"]
            wait = datetime.fromisoformat(outlook["nextRenewalAt"]) - loan.clock.read()
            loan.clock.advance(microseconds=wait / timedelta(microseconds=1) - 1)
            assert loan.outlook()["canRenew"] is False
            loan.clock.advance(microseconds=1)
            assert loan.outlook()["canRenew"] is True

    assert told == [("window", 30), (None, 30), ("cooldown", 25), (None, 25)]
    assert (outlook["reason"], outlook["remainingRenewals"]) == ("count", 0)
    assert (loan.renew(1).status, loan.renew(1).json["rule"]) == (403, "count")


def test_the_same_key_renews_once_and_answers_alike(lend: Callable[..., Loan], database: Database) -> None:
    loan = lend("enterprise")
    first = loan.renew(30, key="k-1")

    again = loan.renew(30, key="k-1")

    assert (first.status, again.status, again.text) == (200, 200, first.text)
    assert loan.row()["renewal_count"] == 1
    assert loan.renew(31, key="k-1").code == "idempotency_key_reused"
    assert_ledger_agrees(database)


def test_a_key_belongs_to_one_allocation(lend: Callable[..., Loan]) -> None:
    loan = lend("enterprise")
    loan.renew(30, key="k-1")
    loan.api.add_devices(1, name="another")
    other = loan.api.allocate(userId="bob").data["allocationId"]

    assert loan.api.renew(other, 30, key="k-1").code == "idempotency_key_reused"
    assert loan.api.renew(other, 30, key="k-2").status == 200


def test_a_refusal_is_kept_under_its_key_like_any_answer_that_is_not_retryable(lend: Callable[..., Loan]) -> None:
    loan = lend("basic", minutes=90)
    first = loan.renew(30, key="k-1")
    loan.clock.advance(minutes=45)

    again = loan.renew(30, key="k-1")

    assert (again.status, again.text, again.headers["Retry-After"]) == (409, first.text, "1800")
    assert loan.renew(30, key="k-2").status == 200


@pytest.mark.parametrize(("body", "status", "code"), WRONG_BODIES)
def test_bad_input_is_refused_and_renews_nothing(
    lend: Callable[..., Loan], body: object, status: int, code: str
) -> None:
    loan = lend("enterprise")

    answer = loan.api.post(f"/scheduler/allocations/{loan.id}/renew", SERVICE, body)

    assert (answer.status, answer.code) == (status, code)
    assert loan.row()["renewal_count"] == 0


def test_without_verified_claims_nothing_is_renewed(api: Api) -> None:
    assert api.post(f"/scheduler/allocations/{NOBODYS}/renew", None, {"additionalMinutes": 1}).status == 401
    assert api.get(f"/scheduler/allocations/{NOBODYS}/renewal", None).status == 401


def test_a_warm_renewal_by_its_holder_is_one_round_trip_to_postgres(lend: Callable[..., Loan]) -> None:
    from scheduler import runtime

    loan = lend("enterprise")
    before = runtime.database().round_trips

    loan.renew(30, USER)

    assert runtime.database().round_trips - before == 1


def wire(at: datetime) -> str:
    """A time as answers have it."""
    return at.isoformat().replace("+00:00", "Z")


def forget_quotas(url: str) -> None:
    import redis

    with redis.from_url(url) as client:
        client.flushall()
