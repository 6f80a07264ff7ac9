"""POST /scheduler/allocations/batch/renew, through the handler, on real parts: the rules of the single call."""

import uuid
from typing import Any

from scheduler import runtime
from scheduler.adapters.postgres.connection import Database
from tests.support.api import OTHER_TENANT, SERVICE, Answer, Api, Claims
from tests.support.clock import Clock
from tests.support.ledger import assert_ledger_agrees

NOBODYS = str(uuid.uuid4())


def renew(
    api: Api, *ids: str, minutes: int = 30, claims: Claims = SERVICE, key: str | None = None, **more: Any
) -> Answer:
    body = {"allocationIds": list(ids), "additionalMinutes": minutes} | more
    return api.post("/scheduler/allocations/batch/renew", claims, body, key=key)


def lend(api: Api, database: Database, *plans: str) -> list[str]:
    """Lend a device to a user of each plan; give the allocations."""
    api.add_devices(len(plans))
    ids = []
    for number, plan in enumerate(plans):
        user = f"{plan}-{number}"
        database.call("INSERT INTO quotas VALUES ('acme', %(user)s, %(plan)s)", {"user": user, "plan": plan})
        ids.append(str(api.allocate(userId=user, durationMinutes=30).data["allocationId"]))
    return ids


def ends(database: Database) -> list[Any]:
    return database.rows("SELECT id::text, expires_at, renewal_count FROM device_allocations ORDER BY id", {})


def codes(answer: Answer) -> list[str]:
    told = {each["index"]: "renewed" for each in answer.data["successes"]}
    told |= {each["index"]: each["code"] for each in answer.data["failures"]}
    return [told[index] for index in sorted(told)]


def test_each_is_renewed_by_its_own_tier_and_each_item_sees_the_last(api: Api, database: Database) -> None:
    free, pro, enterprise = lend(api, database, "free", "pro", "enterprise")

    answer = renew(api, free, pro, enterprise, enterprise, pro, NOBODYS, minutes=60, reason="The test still runs")

    assert codes(answer) == [
        "renewal_refused",
        "renewed",
        "renewed",
        "renewed",
        "renewal_refused",
        "allocation_not_found",
    ]
    refusals = {each["index"]: each for each in answer.data["failures"]}
    assert (refusals[0]["rule"], refusals[0]["maxAdditionalMinutes"]) == ("minutes", 30)
    assert refusals[4]["rule"] == "cooldown"
    assert [each["renewalCount"] for each in answer.data["successes"]] == [1, 1, 2]
    assert answer.data["successes"][0]["allocationId"] == pro
    told = database.rows("SELECT subject, data ->> 'reason' AS reason FROM outbox WHERE type LIKE '%%renewed'", {})
    assert {(each["subject"], each["reason"]) for each in told} == {
        (pro, "The test still runs"),
        (enterprise, "The test still runs"),
    }
    assert_ledger_agrees(database)


def test_a_renewal_in_a_batch_is_answered_as_a_single_one(api: Api, database: Database, still_clock: Clock) -> None:
    one, other, late = lend(api, database, "pro", "pro", "basic")
    single = api.post(f"/scheduler/allocations/{one}/renew", SERVICE, {"additionalMinutes": 30}).data
    refused = api.post(f"/scheduler/allocations/{one}/renew", SERVICE, {"additionalMinutes": 30}).json

    (success,) = renew(api, other).data["successes"]
    (failure,) = renew(api, other).data["failures"]
    still_clock.advance(minutes=31)

    assert {name: success[name] for name in single} == single
    assert {name: refused[name] for name in failure if name != "index"} == {
        name: value for name, value in failure.items() if name != "index"
    }
    assert codes(renew(api, late)) == ["allocation_not_active"]


def test_an_atomic_renewal_renews_all_or_none(api: Api, database: Database) -> None:
    pro, free = lend(api, database, "pro", "free")
    before = ends(database), database.rows("SELECT id FROM outbox ORDER BY id", {})

    refused = renew(api, pro, free, minutes=60, atomic=True)

    assert (refused.status, refused.code, refused.json["index"]) == (403, "renewal_refused", 1)
    assert (ends(database), database.rows("SELECT id FROM outbox ORDER BY id", {})) == before
    assert database.rows("SELECT 1 FROM allocation_renewals", {}) == []
    assert renew(api, pro, free, minutes=30, atomic=True).data["successCount"] == 2
    assert_ledger_agrees(database)


def test_stopping_at_the_first_failure_keeps_what_came_before(api: Api, database: Database) -> None:
    first, second = lend(api, database, "pro", "pro")

    answer = renew(api, first, NOBODYS, second, continueOnError=False)

    assert (codes(answer), answer.data["notTried"]) == (["renewed", "allocation_not_found"], 1)
    assert {row["id"]: row["renewal_count"] for row in ends(database)} == {first: 1, second: 0}


def test_the_same_key_renews_once_and_another_tenant_nothing(api: Api, database: Database) -> None:
    (pro,) = lend(api, database, "pro")
    once = renew(api, pro, key="k-1")

    assert renew(api, pro, key="k-1").text == once.text
    assert codes(renew(api, pro, claims=OTHER_TENANT)) == ["allocation_not_found"]
    assert [row["renewal_count"] for row in ends(database)] == [1]


def test_fifty_are_three_round_trips_to_postgres(api: Api, database: Database) -> None:
    ids = lend(api, database, "pro", "free", "basic")
    before = runtime.database().round_trips

    answer = renew(api, *ids, *(str(uuid.uuid4()) for _ in range(47)))

    assert (answer.data["successCount"], answer.data["failedCount"]) == (3, 47)
    assert runtime.database().round_trips - before == 3
