"""What devices are known for: each ended allocation is learned once, however late it commits; explanations show it."""

import json
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from scheduler.adapters.postgres.connection import Database
from scheduler.adapters.postgres.lessons import PostgresLessons
from scheduler.domain.lessons import Learned
from scheduler.domain.placement_document import written
from scheduler.service import learner as learner_module
from scheduler.service.learner import Learner
from tests.support.api import OPERATOR, SERVICE, Api, Context
from tests.support.clock import Clock
from tests.support.placing import MODEL, fail, phones
from tools.handlers import load_function
from tools.publish_model import main as publish_model

RECORDS = "SELECT scope || ' ' || id AS of, failed, used_hours FROM placement_records ORDER BY scope, id"


@pytest.fixture
def lessons(database: Database) -> PostgresLessons:
    """A published model, and what waits to be learned."""
    store = PostgresLessons(database)
    store.publish(MODEL, "lee")
    return store


def lend(api: Api, clock: Clock, hours: float) -> str:
    """Lend a device for some hours; give its id."""
    device: str = api.allocate(durationMinutes=600).data["deviceId"]
    clock.advance(minutes=hours * 60)
    assert api.release(device).status == 200
    return device


def learn(database: Database) -> int:
    return int(Learner(PostgresLessons(database)).learn(10)["learned"])


def records(database: Database) -> dict[str, tuple[float, float]]:
    return {row["of"]: (round(row["failed"], 3), round(row["used_hours"], 2)) for row in database.rows(RECORDS, {})}


def model_of(api: Api) -> Any:
    return api.get("/scheduler/strategy", OPERATOR).data["model"]


@pytest.mark.usefixtures("lessons")
def test_a_session_counts_for_its_device_host_and_model(api: Api, database: Database, clock: Clock) -> None:
    phones(api, "one")
    lend(api, clock, 2)
    lend(api, clock, 1)
    clock.advance(minutes=1)

    assert load_function("place").handler({"source": "aws.events"}, Context())["learned"] == 2
    assert records(database) == {"device one": (0, 3), "host host-of-one": (0, 3), "kind X1": (0, 3)}
    assert learn(database) == 0
    assert records(database)["device one"] == (0, 3)


def test_without_a_model_nothing_is_learned_and_with_one_what_was_before_is(
    api: Api, database: Database, clock: Clock
) -> None:
    phones(api, "one")
    lend(api, clock, 2)
    clock.advance(minutes=1)
    assert learn(database) == 0

    PostgresLessons(database).publish(MODEL, "lee")

    assert learn(database) == 1


@pytest.mark.usefixtures("lessons")
def test_a_failure_counts_against_the_device_that_failed_only(api: Api, database: Database, clock: Clock) -> None:
    phones(api, "one", "two")
    lent = api.allocate(durationMinutes=600)
    failed = lent.data["deviceId"]
    clock.advance(minutes=60)
    fail(database, lent)
    clock.advance(minutes=120)
    (other,) = {"one", "two"} - {failed}
    assert api.release(other).status == 200
    clock.advance(minutes=1)

    assert learn(database) == 2
    known = records(database)
    assert (known[f"device {failed}"], known[f"device {other}"]) == ((1, 1), (0, 2))
    assert known["kind X1"][1] == 3


@pytest.mark.usefixtures("lessons")
def test_one_that_ends_where_none_is_left_failed_too(api: Api, database: Database, clock: Clock) -> None:
    phones(api, "one")
    fail(database, api.allocate())
    clock.advance(minutes=1)
    learn(database)

    assert records(database)["device one"][0] == 1


@pytest.mark.usefixtures("lessons")
def test_an_operators_failover_is_no_failure(api: Api, database: Database, clock: Clock) -> None:
    phones(api, "one", "two")
    lent = api.allocate().data
    api.post(f"/scheduler/allocations/{lent['allocationId']}/failover", OPERATOR, {"reason": "slow"})
    api.post(f"/scheduler/allocations/{lent['allocationId']}/revoke", OPERATOR, {"reason": "abuse"})
    clock.advance(minutes=1)

    assert learn(database) == 2
    assert {failed for failed, _ in records(database).values()} == {0}


@pytest.mark.usefixtures("lessons")
def test_an_end_that_commits_late_is_learned_all_the_same(
    api: Api, database: Database, database_url: str, clock: Clock
) -> None:
    phones(api, "one", "two")
    first, second = (api.allocate(userId=user).data for user in ("alice", "bob"))
    with closing(psycopg2.connect(database_url)) as slow, slow.cursor() as cursor:
        cursor.execute("SELECT end_allocations(ARRAY[%s::uuid], 'released')", (first["allocationId"],))
        api.release(second["deviceId"])
        clock.advance(seconds=9)
        assert learn(database) == 0, "both may have been stamped already, and one is not there"
        slow.commit()
    clock.advance(seconds=30)

    assert learn(database) == 2


def test_whoever_learns_the_same_lesson_later_keeps_nothing(
    api: Api, database: Database, clock: Clock, lessons: PostgresLessons
) -> None:
    phones(api, "one")
    lend(api, clock, 2)
    clock.advance(minutes=1)
    lesson = lessons.next(10)
    assert lesson is not None
    assert learn(database) == 1

    assert not lessons.keep(lesson, "m-1", Learned([], [(0.5, True)]))
    assert model_of(api)["sessions"] == 1


def test_a_lesson_of_a_model_that_is_replaced_meanwhile_is_learned_anew(
    api: Api, database: Database, clock: Clock, lessons: PostgresLessons
) -> None:
    phones(api, "one")
    lend(api, clock, 2)
    clock.advance(minutes=1)
    lesson = lessons.next(10)
    assert lesson is not None
    lessons.publish(replace(MODEL, name="m-2"), "kim")

    assert not lessons.keep(lesson, "m-1", Learned([], []))
    assert learn(database) == 1
    assert model_of(api)["name"] == "m-2"


@pytest.mark.usefixtures("lessons")
def test_many_lessons_by_many_at_once_count_each_session_once(
    api: Api, database: Database, database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones(api, "one", "two", "three")
    for _ in range(5):
        lent = [api.allocate(userId=f"user-{n}").data["deviceId"] for n in range(3)]
        clock.advance(minutes=60)
        for device in lent:
            api.release(device)
    clock.advance(minutes=1)
    monkeypatch.setattr(learner_module, "LESSON", 2)

    def run() -> None:
        with closing(Database(lambda: database_url)) as own:
            for _ in range(20):
                Learner(PostgresLessons(own)).learn(5)

    runs = [threading.Thread(target=run) for _ in range(3)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()

    known = records(database)
    assert known["kind X1"] == (0, 15)
    assert sum(hours for name, (_, hours) in known.items() if name.startswith("device")) == 15
    assert model_of(api)["sessions"] == 15


# --- the model


def test_a_published_model_is_told_and_in_the_audit_log(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "model.json"
    document.write_text(written(MODEL))

    assert publish_model([str(document), "--by", "lee"]) == 0

    assert "m-1, trained 2026-01-01, is published" in capsys.readouterr().out
    told = model_of(api)
    assert told.pop("publishedAt")
    assert told.pop("doubt") in (None, "stale")  # by the date of the run
    assert told == {
        "name": "m-1",
        "trainedAt": "2026-01-01T00:00:00Z",
        "publishedBy": "lee",
        "sessions": 0,
        "learnedUntil": None,
    }
    (entry,) = api.get("/scheduler/audit-log", OPERATOR, entity="placement_model").data
    assert (entry["operator"], entry["route"], entry["entityId"]) == ("lee", "make publish-model", "m-1")


@pytest.mark.parametrize("text", ["no JSON", "{}", json.dumps({"format": 9})])
def test_what_is_no_model_is_not_published(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    document = tmp_path / "model.json"
    document.write_text(text)

    assert publish_model([str(document)]) == 2
    assert publish_model([str(tmp_path / "none.json")]) == 2
    assert "is no model" in capsys.readouterr().err
    assert model_of(api) is None


@pytest.mark.parametrize(
    ("watched", "age_days", "doubt"),
    [
        pytest.param([], 1, None, id="nothing was seen yet"),
        pytest.param([[0.01, False]] * 200, 1, None, id="as foretold"),
        pytest.param([[0.01, True]] * 200, 1, "miscalibrated", id="far more fail"),
        pytest.param([], 40, "stale", id="old"),
    ],
)
def test_what_speaks_against_a_model_is_told(
    api: Api, database: Database, watched: list[Any], age_days: int, doubt: str | None
) -> None:
    now = database.call("SELECT scheduler_clock() - make_interval(days => %(days)s)", {"days": age_days})
    PostgresLessons(database).publish(replace(MODEL, trained_at=now), "lee")
    database.call("UPDATE placement_learning SET watched = %(watched)s::jsonb", {"watched": json.dumps(watched)})

    assert model_of(api)["doubt"] == doubt


@pytest.mark.usefixtures("lessons")
def test_a_model_of_a_later_version_is_told_as_unreadable_and_explains_nothing(api: Api, database: Database) -> None:
    phones(api, "one")
    database.call("UPDATE placement_models SET document = '{\"format\": 2}'", {})

    assert (model_of(api)["doubt"], model_of(api)["trainedAt"]) == ("unreadable", None)
    now = api.get("/scheduler/allocations/explain", SERVICE, userId="alice").data["now"]
    assert (now["model"], now["candidates"][0]["learnedCosts"]) == (None, None)


@pytest.mark.usefixtures("lessons")
def test_explanations_show_what_is_learned_and_lend_as_before(api: Api, database: Database) -> None:
    phones(api, "good", "bad")
    row = {"at_risk": 20, "starts": 0, "start_seconds": 0, "used_hours": 20, "as_of": 4e9, "scope": "device"}
    taught = [row | {"id": "good", "failed": 0}, row | {"id": "bad", "failed": 6}]
    database.call(
        "INSERT INTO placement_records"
        " SELECT * FROM jsonb_populate_recordset(NULL::placement_records, %(rows)s::jsonb)",
        {"rows": json.dumps(taught)},
    )

    now = api.get("/scheduler/allocations/explain", SERVICE, userId="alice").data["now"]

    costs = {each["deviceId"]: each["learnedCosts"] for each in now["candidates"]}
    assert now["model"] == "m-1"
    assert costs["bad"].keys() == {"failure", "start", "wear", "fit", "stickiness", "gap"}
    assert costs["bad"]["failure"] > 3 * costs["good"]["failure"] > 0
    assert {each["score"] for each in now["candidates"]} == {100.0}
