"""GET and PUT /scheduler/strategy: a choice counts at once, outlives deployments, and all scores follow."""

import threading
from contextlib import closing
from typing import Any

import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.strategy import PostgresStrategy
from scheduler.domain.model import Strategy
from scheduler.runtime.migration import migrate_database
from scheduler.service import placement as placement_module
from tests.support.api import OPERATOR, SERVICE, Answer, Api, Context
from tests.support.contenders import add_devices
from tests.support.wiring import forget_wiring
from tools.handlers import load_function

ROUTE = "/scheduler/strategy"
ODD = "SELECT count(*) FROM devices WHERE placement_score >= 0"
"""Devices that `best_fit`, whose scores are negative, has not scored."""


def choose(api: Api, strategy: Any, **body: Any) -> Answer:
    return api.call("PUT", ROUTE, OPERATOR, {"strategy": strategy} | body)


def deploy(monkeypatch: pytest.MonkeyPatch, strategy: str) -> Any:
    """Run migrate as a deployment with this parameter does."""
    monkeypatch.setenv("PLACEMENT_STRATEGY", strategy)
    forget_wiring()
    return migrate_database()["strategy"]


def run_schedule() -> dict[str, Any]:
    figures: dict[str, Any] = load_function("place").handler({"source": "aws.events"}, Context())
    return figures


def test_before_anybody_chose_the_deployments_is_in_force(api: Api) -> None:
    now = api.get(ROUTE, OPERATOR).data

    assert now.pop("changedAt")
    assert now == {
        "strategy": "resource_based",
        "effective": "resource_based",
        "because": None,
        "chosenBy": None,
        "rescoring": {"rescored": 0, "total": 0, "startedAt": None, "doneAt": None, "done": True},
        "trial": None,
        "model": None,
    }


def test_a_small_fleet_is_scored_when_the_choice_is_answered(api: Api, database: Database) -> None:
    add_devices(database, 12)

    answer = choose(api, "best_fit")

    assert (answer.status, answer.json["message"]) == (200, "Strategy changed")
    rescoring = answer.data["rescoring"]
    assert (answer.data["strategy"], answer.data["chosenBy"]) == ("best_fit", "night-shift")
    assert (rescoring["rescored"], rescoring["total"], rescoring["done"]) == (12, 12, True)
    assert rescoring["startedAt"] == answer.data["changedAt"] <= rescoring["doneAt"]
    assert api.get(ROUTE, OPERATOR).data == answer.data
    assert api.get("/scheduler/allocations/stats", SERVICE).data["strategy"] == "best_fit"
    assert database.call(ODD, {}) == 0


def test_the_next_grant_follows_and_says_so(api: Api, database: Database) -> None:
    api.add_devices(1, cpuCores=8)
    api.add_devices(1, cpuCores=2, name="small")

    choose(api, "best_fit")
    allocation = api.allocate().data["allocationId"]

    decision = database.call("SELECT decision FROM device_allocations WHERE id = %(id)s::uuid", {"id": allocation})
    assert (decision["strategy"], decision["score"]) == ("best_fit", -2.5)


def test_a_choice_is_in_the_audit_log_and_its_batches_are_not(api: Api) -> None:
    api.add_devices(3)
    choose(api, "best_fit")

    (entry,) = api.get("/scheduler/audit-log", OPERATOR, entity="placement_strategy").data
    assert (entry["operator"], entry["route"], entry["act"]) == ("night-shift", "PUT /scheduler/strategy", "update")
    assert (entry["before"]["name"], entry["after"]["name"]) == ("resource_based", "best_fit")
    assert entry["after"]["chosen_by"] == "night-shift"
    assert {row["act"] for row in api.get("/scheduler/audit-log", OPERATOR, entity="device").data} == {"insert"}


def test_the_same_choice_again_changes_nothing(api: Api) -> None:
    first = choose(api, "best_fit").data

    assert choose(api, "best_fit").data == first
    assert len(api.get("/scheduler/audit-log", OPERATOR, entity="placement_strategy").data) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"strategy": "fastest"}, id="unknown"),
        pytest.param({"strategy": None}, id="null"),
        pytest.param({"strategy": "best_fit", "mode": "shadow"}, id="another field"),
        pytest.param({"strategy": "best_fit", "trialShare": 1}, id="a trial on all"),
        pytest.param({"strategy": "best_fit", "trialShare": -0.1}, id="a trial on less than none"),
        pytest.param({"strategy": "best_fit", "trialShare": "0.1"}, id="a share in words"),
        pytest.param({"strategy": "smart", "trialShare": 0.1}, id="a trial of what is followed"),
        pytest.param({}, id="nothing"),
        pytest.param([], id="no object"),
    ],
)
def test_what_is_no_choice_is_refused(api: Api, body: Any) -> None:
    answer = api.call("PUT", ROUTE, OPERATOR, body)

    assert (answer.status, answer.code) == (422, "validation_failed")
    assert api.get(ROUTE, OPERATOR).data["chosenBy"] is None


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_only_operators_look_and_choose(api: Api, method: str) -> None:
    assert api.call(method, ROUTE, SERVICE, {"strategy": "best_fit"} if method == "PUT" else None).status == 403


def test_deployments_decide_until_an_operator_does(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert deploy(monkeypatch, "round_robin") == "round_robin"
    assert deploy(monkeypatch, "least_connection") == "least_connection"

    choose(api, "best_fit")

    assert deploy(monkeypatch, "round_robin") == "best_fit"
    assert api.get(ROUTE, OPERATOR).data["strategy"] == "best_fit"


def test_what_a_choice_left_the_schedule_does(api: Api, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    add_devices(database, 12)
    monkeypatch.setattr(placement_module, "BATCH", 5)
    monkeypatch.setattr(placement_module, "AT_ONCE_SECONDS", -1.0)

    left = choose(api, "best_fit").data["rescoring"]
    assert (left["rescored"], left["total"], left["doneAt"], left["done"]) == (5, 12, None, False)
    assert database.call(ODD, {}) == 7

    assert run_schedule() == {"strategy": "best_fit", "rescored": 12, "done": True, "appraised": 0, "learned": 0}
    assert database.call(ODD, {}) == 0
    assert run_schedule()["done"]


def test_a_choice_during_the_rescoring_begins_anew_by_the_new_strategy(database: Database) -> None:
    add_devices(database, 12)
    store = PostgresStrategy(database)
    store.choose(Strategy.BEST_FIT, "lee")
    assert not store.rescore(5)

    store.choose(Strategy.LEAST_CONNECTION, "kim")
    assert (store.in_force().rescoring.rescored, store.in_force().rescoring.is_done) == (0, False)
    while not store.rescore(5):
        pass

    assert database.call("SELECT array_agg(DISTINCT placement_score) FROM devices", {}) == [100.0]


def test_devices_that_come_meanwhile_are_counted(database: Database) -> None:
    add_devices(database, 3)
    store = PostgresStrategy(database)
    store.choose(Strategy.BEST_FIT, "lee")
    add_devices(database, 2, prefix="z")

    assert not store.rescore(10)
    assert store.rescore(10)
    assert (store.in_force().rescoring.rescored, store.in_force().rescoring.total) == (5, 5)


def test_runs_at_the_same_time_share_the_work(database: Database, database_url: str) -> None:
    add_devices(database, 60)
    PostgresStrategy(database).choose(Strategy.BEST_FIT, "lee")

    def run() -> None:
        with closing(Database(lambda: database_url)) as own:
            store = PostgresStrategy(own)
            while not store.rescore(7):
                pass

    runs = [threading.Thread(target=run) for _ in range(3)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()

    progress = PostgresStrategy(database).in_force().rescoring
    assert (progress.rescored, progress.total, progress.is_done) == (60, 60, True)
    assert database.call(ODD, {}) == 0
