"""How much of the asked minutes is used: learned once of each ended session, by tenant, and what claims expect."""

import json
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.adapters.postgres.upkeep import PostgresUpkeep
from scheduler.domain.placement import terms_of
from scheduler.domain.placement_model import PlacementModel, Uses, step_of
from scheduler.service.learner import Learner
from tests.support.api import OPERATOR, SERVICE, Api
from tests.support.clock import Clock
from tests.support.placing import MODEL, choose, explained, fail, phones, publish

USES = Uses((0.2, 0.4, 0.6, 0.8, 1.0), {"acme|60": (0.1, 0.2, 0.3, 0.4, 0.5)})


def lend(api: Api, clock: Clock, used: float, asked: int = 60, **body: Any) -> str:
    """Lend a device for some of the asked minutes; give the allocation's id."""
    lent = api.allocate(durationMinutes=asked, **body)
    clock.advance(minutes=used)
    assert api.release(lent.data["deviceId"], userId=body.get("userId", "alice")).status == 200
    clock.advance(minutes=1)
    return str(lent.data["allocationId"])


def learn(database: Database) -> None:
    Learner(PostgresLessons(database)).learn(10)


def uses(database: Database) -> dict[tuple[str, int], tuple[float, float, float]]:
    rows = database.rows("SELECT tenant_id, step, sessions, shares, share FROM placement_uses", {})
    return {
        (row["tenant_id"], row["step"]): (round(row["sessions"], 2), round(row["shares"], 2), round(row["share"], 3))
        for row in rows
    }


def keep_use(database: Database, tenant: str, step: int, share: float) -> None:
    database.call(
        "INSERT INTO placement_uses VALUES (%(tenant)s, %(step)s, 9, 3, 4e9, %(share)s) RETURNING step",
        {"tenant": tenant, "step": step, "share": share},
    )


# --- learning


def test_each_ended_session_counts_once_for_its_tenant_and_step(api: Api, database: Database, clock: Clock) -> None:
    publish(database, uses=USES)
    phones(api, "one")
    lend(api, clock, 15)
    lend(api, clock, 30, asked=90)
    lend(api, clock, 45, asked=45)
    learn(database)
    learn(database)

    assert uses(database) == {
        ("acme", 60): (2, 1.25, round((20 * 0.3 + 1.25) / 22, 3)),
        ("acme", 120): (1, 0.33, round((20 * 0.6 + 1 / 3) / 21, 3)),
    }


def test_lessons_add_to_what_is_known(api: Api, database: Database, clock: Clock) -> None:
    publish(database)
    phones(api, "one")
    for used in (15, 45):
        lend(api, clock, used)
        learn(database)

    ((sessions, shares, _),) = uses(database).values()
    assert (sessions, shares) == (2, 1)


def test_whoever_learns_the_same_lesson_later_adds_nothing(api: Api, database: Database, clock: Clock) -> None:
    publish(database)
    phones(api, "one")
    lend(api, clock, 15)
    lessons = PostgresLessons(database)
    lesson = lessons.next(10)
    assert lesson is not None
    learn(database)
    lend(api, clock, 45)
    learn(database)
    before = uses(database)

    Learner(_Again(database, lesson)).learn(10)

    assert uses(database) == before


class _Again(PostgresLessons):
    """Reads a lesson that was learned meanwhile."""

    def __init__(self, database: Database, lesson: Any) -> None:
        super().__init__(database)
        self._lesson = lesson

    def next(self, limit: int) -> Any:
        return self._lesson


def test_who_stays_beyond_the_minutes_used_all_of_them(api: Api, database: Database, clock: Clock) -> None:
    publish(database)
    phones(api, "one")
    lend(api, clock, 90)
    learn(database)

    assert uses(database)["acme", 60][:2] == (1, 1)


def test_what_was_cut_short_tells_nothing_of_use(api: Api, database: Database, clock: Clock) -> None:
    publish(database)
    phones(api, "one", "two")
    revoked = api.allocate().data["allocationId"]
    api.post(f"/scheduler/allocations/{revoked}/revoke", OPERATOR, {"reason": "abuse"})
    moved = api.allocate()
    clock.advance(minutes=10)
    fail(database, moved)
    now = api.get(f"/scheduler/allocations/{moved.data['allocationId']}", SERVICE).data["deviceId"]
    assert api.release(now).status == 200
    clock.advance(minutes=1)
    learn(database)

    assert database.call("SELECT sessions FROM placement_learning", {}) == 3
    assert uses(database) == {}


# --- what claims expect


def hours(database: Database, model: PlacementModel, tenant: str, user: str, minutes: int) -> Any:
    return database.call(
        "SELECT hours FROM expected_hours(%(tenant)s, %(user)s, %(minutes)s,"
        " jsonb_populate_record(NULL::claim_weights, %(terms)s::jsonb))",
        {"tenant": tenant, "user": user, "minutes": minutes, "terms": json.dumps(terms_of(model))},
    )


@pytest.mark.parametrize("own_weight", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("used", [(), (30,), (30, 50), (30, 50, 5), (100, 110)])
def test_claims_expect_what_the_domain_does(
    api: Api, database: Database, clock: Clock, own_weight: float, used: tuple[int, ...]
) -> None:
    model = publish(database, uses=Uses((0.5, 0.5, 1.0, 2.0, 1.0), own_weight=own_weight))
    phones(api, "one", "two")
    keep_use(database, "acme", 60, 0.4)
    keep_use(database, "globex", 120, 0.1)
    for minutes in used:
        lend(api, clock, minutes, asked=240)
    lend(api, clock, 7, asked=240, userId="bo")
    api.allocate()
    last_two = [minutes / 60 for minutes in used[-2:]]

    for asked, share in ((45, 0.4), (60, 0.4), (61, 0.8), (720, 0.8)):
        expected = model.expected_hours("acme", asked, last_two, share)
        assert hours(database, model, "acme", "alice", asked) == pytest.approx(expected, rel=1e-4), asked


def test_terms_of_the_release_before_are_read_too(database: Database) -> None:
    told = database.call(
        "SELECT hours FROM expected_hours('acme', 'alice', 90,"
        " jsonb_populate_record(NULL::claim_weights, '{\"use\": 0.5}'))",
        {},
    )

    assert told == 0.75


def test_steps_are_those_of_the_domain(database: Database) -> None:
    rows = database.rows("SELECT m, use_step(m) AS step FROM generate_series(1, 1440) m", {})

    assert {row["m"]: row["step"] for row in rows} == {minutes: step_of(minutes) for minutes in range(1, 1441)}


def test_a_grant_tells_for_how_long_use_was_expected(api: Api, database: Database) -> None:
    model = publish(database)
    phones(api, "one", "two")
    choose(api)
    keep_use(database, "acme", 60, 0.4)

    assert explained(api, api.allocate(durationMinutes=45))["expectedHours"] == pytest.approx(0.3)
    other = explained(api, api.allocate(userId="bo", durationMinutes=90))
    assert other["expectedHours"] == pytest.approx(1.5 * terms_of(model)["use"])


def test_what_a_tenant_uses_decides_between_risk_and_what_is_fixed(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "risky", "slow")
    choose(api)
    rows = [
        {"device_id": "risky", "hazard": 0.03, "drawn": 0.03, "start": 0, "score": -0.001},
        {"device_id": "slow", "hazard": 0.01, "drawn": 0.01, "start": 0.005, "score": -0.002},
    ]
    database.call(
        "UPDATE placement_appraisals a SET hazard = n.hazard, drawn = n.drawn, start = n.start, wear = 0, fit = 0"
        " FROM jsonb_populate_recordset(NULL::placement_appraisals, %(rows)s::jsonb) n"
        " WHERE a.device_id = n.device_id RETURNING 1",
        {"rows": json.dumps(rows)},
    )
    seen = []
    for share in (1.0, 0.01):
        database.call("DELETE FROM placement_uses RETURNING step", {})
        keep_use(database, "acme", 480, share)
        device = api.allocate(durationMinutes=300).data["deviceId"]
        api.release(device)
        seen.append(device)

    assert seen == ["slow", "risky"]


# --- upkeep


def test_tenants_of_whom_nothing_was_learned_for_long_are_forgotten(database: Database, clock: Clock) -> None:
    now = database.call("SELECT extract(epoch FROM scheduler_clock())::float", {})
    for tenant, days in (("old", 181), ("acme", 179)):
        keep_use(database, tenant, 60, 0.5)
        database.call(
            "UPDATE placement_uses SET as_of = %(at)s WHERE tenant_id = %(tenant)s RETURNING step",
            {"tenant": tenant, "at": now - days * 86_400},
        )

    assert PostgresUpkeep(database).delete_spent(10) == 1
    assert [tenant for tenant, _ in uses(database)] == ["acme"]


def test_a_model_is_needed(api: Api, database: Database, clock: Clock) -> None:
    phones(api, "one")
    lend(api, clock, 15)
    learn(database)
    assert uses(database) == {}

    PostgresLessons(database).publish(MODEL, "lee")
    learn(database)

    assert uses(database).keys() == {("acme", 60)}
