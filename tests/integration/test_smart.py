"""The learned strategy: it is followed while its model may be believed, and each device has the score it earned."""

import json
from dataclasses import replace
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.domain.placement import terms_of
from scheduler.domain.placement_model import PlacementModel
from scheduler.service import appraiser as appraiser_module
from tests.support.api import OPERATOR, SERVICE, Answer, Api, Context, device_body
from tools.handlers import load_function

ROUTE = "/scheduler/strategy"
MODEL = PlacementModel(name="m-1")
WRONG = [[0.01, True]] * 200
"""Outcomes of sessions: the chance to fail that was given, and that they failed."""


def publish(database: Database, age_days: int = 1, **changes: Any) -> PlacementModel:
    now = database.call("SELECT scheduler_clock() - make_interval(days => %(days)s)", {"days": age_days})
    model = replace(MODEL, trained_at=now, **changes)
    PostgresLessons(database).publish(model, "lee")
    return model


def choose(api: Api, strategy: str = "smart") -> Answer:
    return api.call("PUT", ROUTE, OPERATOR, {"strategy": strategy})


def followed(api: Api) -> tuple[str, str, str | None]:
    told = api.get(ROUTE, OPERATOR).data
    return told["strategy"], told["effective"], told["because"]


def run_schedule() -> dict[str, Any]:
    figures: dict[str, Any] = load_function("place").handler({"source": "aws.events"}, Context())
    return figures


def watch(database: Database, outcomes: list[Any]) -> None:
    database.call("UPDATE placement_learning SET watched = %(watched)s::jsonb", {"watched": json.dumps(outcomes)})


def phones(api: Api, *ids: str, **changes: Any) -> None:
    for each in ids:
        body = device_body(1) | {"id": each, "host": f"host-of-{each}", "model": "X1"} | changes
        assert api.post("/scheduler/devices", OPERATOR, body).status == 201


def teach(database: Database, **failed: float) -> None:
    """Have devices be known for so many failures in twenty hours."""
    row = {"at_risk": 20, "starts": 0, "start_seconds": 0, "used_hours": 20, "as_of": 4e9, "scope": "device"}
    rows = [row | {"id": device, "failed": times} for device, times in failed.items()]
    database.call(
        "INSERT INTO placement_records SELECT * FROM jsonb_populate_recordset(NULL::placement_records, %(rows)s::jsonb)"
        " ON CONFLICT (scope, id) DO UPDATE SET failed = excluded.failed",
        {"rows": json.dumps(rows)},
    )


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
