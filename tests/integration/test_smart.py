"""The learned strategy: it is followed while its model may be believed, and each device has the score it earned."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.domain.placement import Asked, Costs, Head, best, cost_of, terms_of
from scheduler.service import appraiser as appraiser_module
from tests.support.api import OPERATOR, SERVICE, Api
from tests.support.contenders import add_devices, allocator_on, ask_at_once, request
from tests.support.placing import ROUTE, WRONG, choose, explained, phones, publish, run_schedule, teach, watch


def followed(api: Api) -> tuple[str, str, str | None]:
    told = api.get(ROUTE, OPERATOR).data
    return told["strategy"], told["effective"], told["because"]


def scores(database: Database) -> dict[str, float]:
    return {row["id"]: row["placement_score"] for row in database.rows("SELECT id, placement_score FROM devices", {})}


# --- is it followed?


def test_it_is_followed_at_once_by_what_is_known(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "bad", "good")
    teach(database, bad=6, good=0)

    told = choose(api).data

    assert (told["strategy"], told["effective"], told["because"]) == ("smart", "smart", None)
    assert told["rescoring"]["done"]
    assert scores(database)["bad"] < scores(database)["good"] < 0
    lent = api.allocate().data
    assert lent["deviceId"] == "good"
    decision = api.get(f"/scheduler/allocations/{lent['allocationId']}/explain", SERVICE).data["decision"]
    assert (decision["strategy"], decision["modelVersion"]) == ("smart", "m-1")


def test_without_a_model_another_is_followed_until_one_is_published(api: Api, database: Database) -> None:
    phones(api, "one")
    choose(api, "best_fit")

    assert choose(api).data["because"] == "model_missing"
    assert followed(api) == ("smart", "resource_based", "model_missing")
    assert scores(database) == {"one": 100}
    assert api.get("/scheduler/allocations/stats", SERVICE).data["strategy"] == "resource_based"

    publish(database)
    assert run_schedule()["strategy"] == "smart"
    assert followed(api) == ("smart", "smart", None)
    assert scores(database)["one"] < 0


@pytest.mark.parametrize(
    ("age_days", "outcomes", "because"),
    [
        pytest.param(40, [], "model_stale", id="it is old"),
        pytest.param(1, WRONG, "calibration_alarm", id="far more fail than it said"),
    ],
)
def test_it_is_given_up_within_a_run_and_comes_back(
    api: Api, database: Database, age_days: int, outcomes: list[Any], because: str
) -> None:
    publish(database)
    phones(api, "one")
    choose(api)
    publish(database, age_days)
    watch(database, outcomes)

    assert run_schedule()["strategy"] == "resource_based"
    assert followed(api) == ("smart", "resource_based", because)
    assert scores(database) == {"one": 100}

    publish(database)
    assert run_schedule()["strategy"] == "smart"
    assert followed(api) == ("smart", "smart", None)


def test_a_model_that_cannot_be_read_is_none(api: Api, database: Database) -> None:
    publish(database)
    choose(api)
    database.call("UPDATE placement_models SET document = '{\"format\": 2}'", {})

    assert choose(api).data["because"] == "model_missing"


def test_whoever_chooses_another_leaves_it_for_good(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one")
    choose(api)
    choose(api, "resource_based")

    run_schedule()

    assert followed(api) == ("resource_based", "resource_based", None)
    assert scores(database) == {"one": 100}


def test_what_is_followed_meanwhile_can_be_chosen_itself(api: Api) -> None:
    choose(api)
    before = followed(api)

    assert (before, choose(api, "resource_based").data["strategy"]) == (
        ("smart", "resource_based", "model_missing"),
        "resource_based",
    )
    assert followed(api) == ("resource_based", "resource_based", None)


# --- scores


def test_scores_of_new_devices_are_those_of_unknown_ones(api: Api, database: Database) -> None:
    model = publish(database)
    choose(api)

    phones(api, "new")

    assert scores(database)["new"] == pytest.approx(terms_of(model)["score"])


def test_heartbeats_and_changes_leave_an_appraised_score(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one")
    teach(database, one=6)
    choose(api)
    before = scores(database)

    database.call("SELECT note_heartbeat('one', 90::real, 90::real, 90::real, scheduler_clock())", {})
    api.call("PATCH", "/scheduler/devices/one", OPERATOR, {"name": "other"})

    assert scores(database) == before


def test_what_was_learned_moves_scores_within_a_run(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one", "two")
    choose(api)
    teach(database, one=6)

    assert run_schedule()["appraised"] == 2
    assert scores(database)["one"] < scores(database)["two"]


def test_what_hardly_moved_is_not_written(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one")
    choose(api)
    before = database.call("SELECT xmin::text FROM devices", {})

    run_schedule()

    assert database.call("SELECT xmin::text FROM devices", {}) == before


def test_a_round_goes_through_all_batches_once(api: Api, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(database)
    phones(api, *(f"phone-{n}" for n in range(5)))
    choose(api)
    monkeypatch.setattr(appraiser_module, "BATCH", 2)

    assert run_schedule()["appraised"] == 5
    assert database.call("SELECT count(*) FROM placement_appraisals", {}) == 5


def test_of_two_rounds_at_once_one_keeps(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one", "two")
    lessons = PostgresLessons(database)

    assert lessons.keep_appraisals("", "one", [])
    assert not lessons.keep_appraisals("", "two", [])


def test_scarce_classes_cost_more(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "small-1", "small-2", cpuCores=2)
    phones(api, "big-1", "big-2", cpuCores=8)
    choose(api)
    api.allocate(preferredSpecs={"minCpu": 8})

    run_schedule()

    fits = {
        row["device_id"]: row["fit"] for row in database.rows("SELECT device_id, fit FROM placement_appraisals", {})
    }
    assert fits["small-1"] == 0 < fits["big-2"]
    now = api.get("/scheduler/allocations/explain", SERVICE, userId="alice").data["now"]
    shown = {each["deviceId"]: each["learnedCosts"]["fit"] for each in now["candidates"]}
    assert shown.items() <= fits.items()
    assert shown.keys() >= {"small-1", "big-2"}


def test_parts_add_up_to_the_score(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one")
    choose(api)
    phones(api, "two")

    now = api.get("/scheduler/allocations/explain", SERVICE, userId="alice").data["now"]

    assert now["strategy"] == "smart"
    parts = {each["deviceId"]: each["parts"] for each in now["candidates"]}
    assert parts["one"].keys() == {"failure", "start", "wear", "fit", "sinceWritten"}
    assert parts["two"].keys() == {"unknown"}
    for each in now["candidates"]:
        assert sum(each["parts"].values()) == pytest.approx(each["score"])


# --- the choice within a claim


def appraise_as(database: Database, **worth: dict[str, float]) -> None:
    """Have devices be worth what is given, and nothing else be expected of them; scores follow."""
    for device, given in worth.items():
        row = {"hazard": 0.01, "drawn": 0.01, "failure": 0, "start": 0, "wear": 0, "fit": 0, "score": -0.001} | given
        database.call(
            "WITH kept AS (INSERT INTO placement_appraisals SELECT * FROM jsonb_populate_record("
            "NULL::placement_appraisals, %(row)s::jsonb) ON CONFLICT (device_id) DO UPDATE SET"
            " hazard = excluded.hazard, drawn = excluded.drawn, start = excluded.start,"
            " score = excluded.score RETURNING device_id, score)"
            " UPDATE devices SET placement_score = score FROM kept WHERE id = device_id RETURNING id",
            {"row": json.dumps(row | {"device_id": device})},
        )


def terms(database: Database, **changes: float) -> None:
    database.call(
        "UPDATE placement_strategy SET terms = terms || %(changes)s::jsonb RETURNING name",
        {"changes": json.dumps(changes)},
    )


def test_hours_weigh_failing_against_what_is_fixed(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "risky", "slow")
    choose(api)
    appraise_as(database, risky={"hazard": 0.03, "drawn": 0.03}, slow={"start": 0.005, "score": -0.002})

    short, long = (api.allocate(userId=user, durationMinutes=minutes) for user, minutes in (("al", 5), ("bo", 600)))
    api.release(short.data["deviceId"], userId="al")
    api.release(long.data["deviceId"], userId="bo")
    again = api.allocate(userId="cy", durationMinutes=600)

    assert (short.data["deviceId"], again.data["deviceId"]) == ("risky", "slow")
    assert explained(api, again)["rank"] == 2


def test_she_gets_the_one_that_she_had_last(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one", "two")
    choose(api)
    appraise_as(database, one={"hazard": 0.0100}, two={"hazard": 0.0101, "score": -0.00101})
    first = api.allocate(userId="bo").data["deviceId"]
    hers = api.allocate().data["deviceId"]
    api.release(first, userId="bo")
    api.release(hers)

    assert (first, hers) == ("one", "two")
    assert api.allocate().data["deviceId"] == "two"
    assert api.allocate(userId="cy").data["deviceId"] == "one"


def test_a_short_gap_is_filled_first(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "free", "gap")
    choose(api)
    appraise_as(database, free={}, gap={"hazard": 0.0101, "score": -0.00101})
    database.call(
        "UPDATE devices SET next_reserved_at = scheduler_clock() + interval '65 min' WHERE id = 'gap' RETURNING id", {}
    )

    assert api.allocate(durationMinutes=120).data["deviceId"] == "free"
    assert api.allocate(userId="bo", durationMinutes=60).data["deviceId"] == "gap"


def test_costs_in_the_claim_are_those_of_the_domain(api: Api, database: Database) -> None:
    model = publish(database)
    phones(api, "a", "b", "c")
    choose(api)
    teach(database, a=3, b=1)
    run_schedule()
    hers = api.allocate().data["deviceId"]
    api.release(hers)
    database.call(
        "UPDATE devices SET next_reserved_at = scheduler_clock() + interval '3 h' WHERE id = 'b' RETURNING id", {}
    )
    lent = api.allocate(durationMinutes=90)
    known = {row["device_id"]: row for row in database.rows("SELECT * FROM placement_appraisals", {})}

    hours = 1.5 * terms_of(model)["use"]
    assert explained(api, lent)["expectedHours"] == pytest.approx(hours)
    heads = [
        Head(
            each["deviceId"],
            row["hazard"],
            row["drawn"],
            Costs(start=row["start"], wear=row["wear"], fit=row["fit"]),
            was_hers=each["deviceId"] == hers,
            gap_hours=3 if each["deviceId"] == "b" else None,
        )
        for each in explained(api, lent)["heads"]
        for row in [known[each["deviceId"]]]
    ]
    asked = Asked(hours, explores=explained(api, lent)["explored"])
    assert [each["cost"] for each in explained(api, lent)["heads"]] == pytest.approx(
        [cost_of(model, head, asked).total for head in heads], rel=1e-3
    )
    assert len(heads) == 3
    assert lent.data["deviceId"] == best(model, heads, asked).device_id


def exploring(api: Api, database: Database, share: float) -> None:
    """Two devices: one is believed to be better, the other was drawn better."""
    publish(database)
    phones(api, "believed", "drawn")
    choose(api)
    appraise_as(database, believed={}, drawn={"hazard": 0.05, "drawn": 0.001, "score": -0.002})
    terms(database, share=share)


def one_by_one(api: Api, users: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Which device each user is lent, and how it was chosen; she gives it back before the next one comes."""
    for number in range(users):
        got = api.allocate(userId=f"user-{number}")
        yield got.data["deviceId"], explained(api, got)
        api.release(got.data["deviceId"], userId=f"user-{number}")


@pytest.mark.parametrize(
    ("share", "lent", "explored", "propensity"),
    [pytest.param(1, "drawn", True, 1, id="who explores"), pytest.param(0, "believed", False, 1, id="who does not")],
)
def test_draws_decide_for_those_who_explore(
    api: Api, database: Database, share: float, lent: str, explored: bool, propensity: float
) -> None:
    exploring(api, database, share)

    got = api.allocate()

    told = explained(api, got)
    assert (got.data["deviceId"], told["explored"], told["propensity"]) == (lent, explored, propensity)
    assert [head["deviceId"] for head in told["heads"]] == ["believed", "drawn"]


def test_the_propensity_is_the_share_of_those_who_would_have_got_it(api: Api, database: Database) -> None:
    exploring(api, database, 0.25)
    seen = {(device, told["explored"], told["propensity"]) for device, told in one_by_one(api, 40)}

    assert seen == {("drawn", True, 0.25), ("believed", False, 0.75)}


def test_the_propensity_is_of_those_that_could_be_had(api: Api, database: Database, database_url: str) -> None:
    exploring(api, database, 0.25)
    phones(api, "third")
    appraise_as(database, third={"hazard": 0.02, "drawn": 0.02, "score": -0.0015})
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM devices WHERE id = 'believed' FOR UPDATE")
        seen = {(device, told["explored"], told["propensity"], told["rank"]) for device, told in one_by_one(api, 40)}

    assert seen == {("drawn", True, 0.25, 3), ("third", False, 0.75, 2)}


def test_what_all_would_have_got_but_for_who_is_taking_it_is_certain(
    api: Api, database: Database, database_url: str
) -> None:
    exploring(api, database, 0.5)
    appraise_as(database, drawn={"hazard": 0.05, "drawn": 0.05, "score": -0.002})
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM devices WHERE id = 'believed' FOR UPDATE")
        seen = {(device, told["explored"], told["propensity"]) for device, told in one_by_one(api, 20)}

    assert seen == {("drawn", True, 1), ("drawn", False, 1)}


def test_nobody_explores_with_a_device_that_operators_exclude(api: Api, database: Database) -> None:
    exploring(api, database, 1)
    api.call("PATCH", "/scheduler/devices/drawn", OPERATOR, {"labels": {"exploration": "excluded"}})

    assert api.allocate().data["deviceId"] == "believed"


def test_tier_enterprise_never_explores(api: Api, database: Database) -> None:
    exploring(api, database, 1)
    plan = {"tenantId": "acme", "planName": "enterprise", "limits": {"maxDevices": 5}}
    assert api.call("PUT", "/scheduler/quotas/alice", OPERATOR, plan).status == 200

    got = api.allocate()

    assert (got.data["deviceId"], explained(api, got)["explored"]) == ("believed", False)
    assert api.allocate(userId="bo").status == 201


def test_forty_at_once_get_forty_devices(database: Database, database_url: str, api: Api) -> None:
    publish(database)
    add_devices(database, 40)
    choose(api)
    terms(database, share=0.3)

    outcome = ask_at_once(
        database_url, [request(f"user-{n}") for n in range(40)], lambda own: allocator_on(own).allocate
    )

    assert (len(outcome.grants), len(outcome.devices), outcome.refusals) == (40, 40, {})
    kept = database.rows("SELECT decision, cardinality((weighed).ids) AS heads FROM device_allocations", {})
    assert {row["decision"]["strategy"] for row in kept} == {"smart"}
    assert all((row["heads"] or 0) <= 8 for row in kept)


def test_one_that_is_being_taken_is_passed_over(api: Api, database: Database, database_url: str) -> None:
    publish(database)
    add_devices(database, 12)
    choose(api)
    with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
        cursor.execute("SELECT id FROM devices WHERE is_free ORDER BY placement_score DESC, id LIMIT 11 FOR UPDATE")
        locked = {row[0] for row in cursor.fetchall()}

        assert api.allocate().data["deviceId"] not in locked


def test_a_newcomer_leaves_what_others_wait_for(api: Api, database: Database) -> None:
    publish(database)
    phones(api, "one")
    choose(api)
    api.allocate(userId="bo")
    api.post("/scheduler/queue", SERVICE, {"userId": "cai", "durationMinutes": 30})
    database.call("UPDATE devices SET active_allocation_id = NULL, busy_until = NULL RETURNING id", {})

    assert api.allocate().status == 409
