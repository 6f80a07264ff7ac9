"""A trial of the learned strategy: beside another, which is followed; on none of the requests, or on a share by lot."""

import json
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.service.learner import Learner
from tests.support.api import OPERATOR, SERVICE, Api
from tests.support.clock import Clock
from tests.support.placing import ROUTE, WRONG, choose, explained, fail, phones, publish, run_schedule, teach, watch


def tried(api: Api, share: float, strategy: str = "resource_based") -> Any:
    answer = choose(api, strategy, trialShare=share)
    assert answer.status == 200, answer.json
    return answer.data


@pytest.fixture
def good_and_bad(api: Api, database: Database) -> None:
    """The strategy that is followed prefers the device that fails often: it is idle."""
    publish(database)
    phones(api, "a-bad", "good")
    teach(database, **{"a-bad": 6, "good": 0})
    database.call("SELECT note_heartbeat('good', 50::real, 50::real, 50::real, scheduler_clock())", {})


def lend(api: Api, user: str = "alice", **asked: Any) -> tuple[str, Any]:
    """Lend a device, and give it back; give its id and how it was chosen."""
    lent = api.allocate(userId=user, **asked)
    assert lent.status == 201, lent.json
    decision = explained(api, lent)
    api.release(lent.data["deviceId"], userId=user)
    return lent.data["deviceId"], decision


# --- in the shadow


@pytest.mark.usefixtures("good_and_bad")
def test_a_shadow_trial_lends_as_ever_and_notes_what_it_would_have_lent(api: Api) -> None:
    told = tried(api, 0)

    assert (told["strategy"], told["effective"], told["because"]) == ("resource_based", "resource_based", None)
    assert told["trial"] == {"share": 0, "arms": []}
    device, decision = lend(api)
    assert device == "a-bad"
    assert (decision["strategy"], decision["trial"], decision["wouldLend"]) == ("resource_based", "shadow", "good")
    assert (decision["modelVersion"], decision["explored"], decision["propensity"]) == ("m-1", False, 1)
    costs = {head["deviceId"]: head["cost"] for head in decision["heads"]}
    assert costs["good"] < costs["a-bad"]


@pytest.mark.usefixtures("good_and_bad")
def test_a_shadow_trial_leaves_scores_alone(api: Api, database: Database) -> None:
    before = database.rows("SELECT id, placement_score, xmin::text FROM devices ORDER BY id", {})

    tried(api, 0)
    run_schedule()

    assert database.rows("SELECT id, placement_score, xmin::text FROM devices ORDER BY id", {}) == before


# --- on a share


@pytest.mark.usefixtures("good_and_bad")
def test_a_share_of_the_requests_is_lent_by_the_learned_strategy(api: Api) -> None:
    tried(api, 0.5)

    seen = set()
    for turn in range(40):
        device, decision = lend(api, f"user-{turn}")
        seen.add((device, decision["trial"], decision["strategy"], decision["modelVersion"], decision["wouldLend"]))

    assert seen == {
        ("good", "canary", "smart", "m-1", None),
        ("a-bad", "control", "resource_based", None, None),
    }


@pytest.mark.parametrize("share", [0.1, 0.7])
def test_the_lot_falls_on_that_share(database: Database, share: float) -> None:
    drawn = database.call(
        "SELECT count(*) FILTER (WHERE trial_arm(jsonb_populate_record(NULL::placement_strategy, %(row)s::jsonb))"
        " = 'canary') FROM generate_series(1, 4000)",
        {"row": json.dumps({"name": "best_fit", "terms": {"model": "m-1"}, "trial_share": share})},
    )

    assert 4000 * share - 190 < drawn < 4000 * share + 190  # six standard deviations and more


@pytest.mark.usefixtures("good_and_bad")
def test_where_the_learned_strategy_finds_none_the_other_lends(api: Api, database: Database) -> None:
    tried(api, 0.999)
    database.call(
        "UPDATE devices SET next_reserved_at = scheduler_clock() + interval '20 min' WHERE id = 'good' RETURNING id", {}
    )

    assert lend(api, durationMinutes=60)[0] == "a-bad"


# --- what is chosen


@pytest.mark.usefixtures("good_and_bad")
def test_another_choice_ends_the_trial(api: Api) -> None:
    tried(api, 0)

    assert choose(api, "resource_based").data["trial"] is None
    _, decision = lend(api)
    assert (decision["trial"], decision["heads"]) == (None, [])


@pytest.mark.usefixtures("good_and_bad")
def test_a_trial_becomes_the_choice(api: Api) -> None:
    tried(api, 0.2)

    now = choose(api, "smart").data

    assert (now["strategy"], now["effective"], now["trial"]) == ("smart", "smart", None)
    device, decision = lend(api)
    assert (device, decision["trial"]) == ("good", None)


@pytest.mark.usefixtures("good_and_bad")
def test_a_trial_is_in_the_audit_log(api: Api) -> None:
    tried(api, 0.2)

    entries = api.get("/scheduler/audit-log", OPERATOR, entity="placement_strategy").data

    assert [entry["after"]["trial_share"] for entry in entries if "trial_share" in entry["after"]] == [0.2]


# --- it rests while its model may not be believed


@pytest.mark.parametrize("share", [0, 0.999])
def test_without_a_model_a_trial_rests_until_one_is_published(api: Api, database: Database, share: float) -> None:
    phones(api, "one")

    told = tried(api, share)
    assert (told["strategy"], told["effective"], told["because"]) == (
        "resource_based",
        "resource_based",
        "model_missing",
    )
    assert lend(api)[1]["trial"] is None

    publish(database)
    run_schedule()

    assert api.get(ROUTE, OPERATOR).data["because"] is None
    assert lend(api)[1]["trial"] == ("canary" if share else "shadow")


@pytest.mark.usefixtures("good_and_bad")
def test_a_model_that_is_wrong_rests_within_a_run(api: Api, database: Database) -> None:
    tried(api, 0.999)
    watch(database, WRONG)

    run_schedule()

    assert api.get(ROUTE, OPERATOR).data["because"] == "calibration_alarm"
    assert lend(api)[0] == "a-bad"


# --- what came of it


def learn(database: Database) -> None:
    Learner(PostgresLessons(database)).learn(10)


def arms(api: Api) -> dict[str, tuple[int, int]]:
    told = api.get(ROUTE, OPERATOR).data["trial"]["arms"]
    assert all(0 < arm["expected"] < arm["sessions"] for arm in told)
    return {arm["arm"]: (arm["sessions"], arm["failed"]) for arm in told}


def serve(api: Api, clock: Clock, user: str) -> str:
    """Lend for an hour; give the arm."""
    lent = api.allocate(userId=user, durationMinutes=600)
    decision = explained(api, lent)
    clock.advance(minutes=60)
    api.release(lent.data["deviceId"], userId=user)
    clock.advance(minutes=1)
    return str(decision["trial"])


@pytest.mark.usefixtures("good_and_bad")
def test_sessions_of_both_arms_are_told_apart(api: Api, database: Database, clock: Clock) -> None:
    tried(api, 0.5)
    served = [serve(api, clock, f"user-{turn}") for turn in range(20)]

    learn(database)

    assert arms(api) == {name: (served.count(name), 0) for name in set(served)}
    assert set(served) == {"canary", "control"}


@pytest.mark.usefixtures("good_and_bad")
def test_in_the_shadow_those_are_told_apart_that_would_have_been_lent(
    api: Api, database: Database, clock: Clock
) -> None:
    tried(api, 0)
    serve(api, clock, "alice")
    database.call("UPDATE devices SET placement_score = 101 WHERE id = 'good' RETURNING id", {})
    serve(api, clock, "bo")

    learn(database)

    assert arms(api) == {"agreed": (1, 0), "differed": (1, 0)}


@pytest.mark.usefixtures("good_and_bad")
def test_failures_count_for_the_arm_that_lent_the_device(api: Api, database: Database, clock: Clock) -> None:
    tried(api, 0)
    lent = api.allocate(durationMinutes=600)
    clock.advance(minutes=60)
    fail(database, lent)
    clock.advance(minutes=60)
    api.release("good")
    clock.advance(minutes=1)

    learn(database)

    assert arms(api) == {"differed": (1, 1)}, "the session on the device that she was moved to belongs to no arm"


@pytest.mark.usefixtures("good_and_bad")
def test_what_was_granted_before_the_trial_belongs_to_no_arm(api: Api, database: Database, clock: Clock) -> None:
    tried(api, 0)
    serve(api, clock, "alice")
    learn(database)
    lent = api.allocate(userId="bo", durationMinutes=600).data["deviceId"]
    clock.advance(minutes=1)

    tried(api, 0.999)
    clock.advance(minutes=60)
    api.release(lent, userId="bo")
    clock.advance(minutes=1)
    learn(database)

    assert arms(api) == {}
    assert serve(api, clock, "alice") == "canary"
    learn(database)
    assert arms(api) == {"canary": (1, 0)}


@pytest.mark.usefixtures("good_and_bad")
def test_queues_and_batches_belong_to_no_arm(api: Api, database: Database, clock: Clock) -> None:
    tried(api, 0.999)
    items = [{"userId": "bo"}]
    assert api.post("/scheduler/allocations/batch", SERVICE, {"items": items}).status in (200, 201)
    clock.advance(minutes=10)
    for device in ("a-bad", "good"):
        api.release(device, userId="bo")
    clock.advance(minutes=1)

    learn(database)

    assert arms(api) == {}
