"""Ended sessions become records of device, host and model; what was foretold is kept from before the outcome."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from scheduler.domain.lessons import (
    Arm,
    Notebook,
    appraised,
    because_of,
    learned,
    learning_of,
    places,
    records_of,
    standing_of,
)
from scheduler.domain.placement import Standing, appraise, failure_chance, posterior
from scheduler.domain.placement_document import written
from scheduler.domain.placement_model import PlacementModel
from scheduler.domain.placement_record import UNSEEN, Record, Session, fold
from scheduler.domain.placement_uses import uses_after

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MODEL = PlacementModel(name="m", trained_at=NOW - timedelta(days=1), wear=0.5, kinds={"X1": 2.0})
OWN = Record(1.0, 10.0, 2.0, 60.0, 500.0, 1000.0)
HOST = Record(3.0, 40.0, 0.0, 0.0, 900.0, 1000.0)
KIND = Record(5.0, 400.0, 0.0, 0.0, 5000.0, 1000.0)
KNOWN = {("device", "a"): OWN, ("host", "h"): HOST, ("kind", "X1"): KIND}
SESSION = Session(5000.0, 2.0, failed=True, kind="X1")


def row(scope: str, name: str, record: Record) -> dict[str, Any]:
    return {
        "scope": scope,
        "id": name,
        "failed": record.failed,
        "at_risk": record.at_risk,
        "starts": record.starts,
        "start_seconds": record.start_seconds,
        "used_hours": record.used_hours,
        "as_of": record.as_of,
    }


def test_a_session_is_folded_into_each_record_with_the_wear_of_its_device() -> None:
    notebook = Notebook(MODEL, KNOWN)

    notebook.learn("a", "h", SESSION)

    assert notebook.changed() == [
        row("device", "a", fold(MODEL, OWN, SESSION)),
        row("host", "h", fold(MODEL, HOST, SESSION, used_hours=500.0)),
        row("kind", "X1", fold(MODEL, KIND, SESSION, used_hours=500.0)),
    ]


def test_what_is_foretold_counts_the_load_of_the_host_at_the_grant() -> None:
    rate = posterior(MODEL, Standing(own=OWN, host=HOST, of_kind=KIND, kind="X1"), 5000.0).mean
    expected = failure_chance(MODEL.hazard(rate, MODEL.multiplier("X1", 0.9, 500.0)), 2.0)

    assert Notebook(MODEL, KNOWN).learn("a", "h", replace(SESSION, load=0.9)) == expected


def test_what_was_foretold_is_told_from_before_the_outcome() -> None:
    standing = Standing(own=OWN, host=HOST, of_kind=KIND, kind="X1")
    rate = posterior(MODEL, standing, 5000.0).mean
    expected = failure_chance(MODEL.hazard(rate, MODEL.multiplier("X1", None, 500.0)), 2.0)

    assert Notebook(MODEL, KNOWN).learn("a", "h", SESSION) == expected
    assert Notebook(MODEL, KNOWN).learn("a", "h", replace(SESSION, failed=False)) == expected


def test_a_later_session_sees_the_earlier_one() -> None:
    notebook = Notebook(MODEL, {})

    first, second = (notebook.learn("a", None, replace(SESSION, kind=None)) for _ in range(2))

    assert second > first
    assert [changed["failed"] for changed in notebook.changed()] == [2.0]


def test_what_a_device_does_not_belong_to_has_no_record() -> None:
    assert places("a", None, None) == [("device", "a")]
    assert places("a", "h", "X1") == [("device", "a"), ("host", "h"), ("kind", "X1")]
    assert standing_of({("host", "a"): HOST}, "a", None, None) == Standing(own=UNSEEN)
    assert standing_of(KNOWN, "a", "h", "X1") == Standing(own=OWN, host=HOST, of_kind=KIND, kind="X1")


def test_records_are_read_as_they_are_kept() -> None:
    assert records_of([row("device", "a", OWN), row("host", "h", HOST)]) == {
        ("device", "a"): OWN,
        ("host", "h"): HOST,
    }


def lesson(
    *failed: bool, watched: Any = (), trial: Any = None, arms: Sequence[str | None] = (None,) * 4
) -> dict[str, Any]:
    return {
        "trial": trial,
        "records": [row("device", "a", OWN)],
        "watched": list(watched),
        "uses": [],
        "endings": [],
        "sessions": [
            {"deviceId": "a", "host": "h", "kind": "X1", "failed": each, "endedAt": 5000.0 + n, "hours": 2.0}
            | {"arm": arms[n]}
            for n, each in enumerate(failed)
        ],
    }


def test_a_lesson_is_learned_session_by_session() -> None:
    notebook = Notebook(MODEL, {("device", "a"): OWN})
    chances = [notebook.learn("a", "h", Session(5000.0 + n, 2.0, n == 1, "X1")) for n in range(2)]

    taught = learned(MODEL, lesson(False, True, watched=[[0.25, True]]))

    assert taught.records == notebook.changed()
    assert taught.watched == [(0.25, True), (chances[0], False), (chances[1], True)]
    assert taught.arms == []


def test_uses_of_tenants_are_learned_beside() -> None:
    known = {"tenant_id": "acme", "step": 60, "sessions": 1.0, "shares": 0.5, "as_of": 5000.0}
    ending = {"tenantId": "acme", "minutes": 60, "hours": 0.25, "endedAt": 5000.0}

    taught = learned(MODEL, lesson(False) | {"uses": [known], "endings": [ending]})

    assert taught.uses == uses_after(MODEL, [known], [ending])
    assert taught.uses[0]["shares"] == 0.75


def test_the_last_four_hundred_outcomes_are_watched() -> None:
    watched = learned(MODEL, lesson(True, watched=[[n / 1000, False] for n in range(400)])).watched

    assert len(watched) == 400
    assert (watched[0], watched[-1][1]) == ((0.001, False), True)


def test_sessions_of_a_trial_are_counted_by_arm_on_top_of_those_before() -> None:
    kept = {"from": "2026-03-02T08:00:00Z", "arms": {"canary": [3, 0.5, 1]}}
    chances = [chance for chance, _ in learned(MODEL, lesson(False, True, True, True)).watched]

    arms = learned(MODEL, lesson(False, True, True, True, trial=kept, arms=["canary", "control", "canary", None])).arms

    assert arms == [
        Arm("canary", 5, 0.5 + chances[0] + chances[2], 2),
        Arm("control", 1, chances[1], 1),
    ]


def learning(document: Any, **more: Any) -> dict[str, Any]:
    told = {"name": "m", "document": document, "now": NOW.isoformat(), "publishedBy": "lee", "sessions": 7}
    return told | {"publishedAt": "2026-03-01T09:00:00Z", "watched": [], "learnedUntil": None} | {"trial": None} | more


def test_how_a_model_stands_is_told() -> None:
    told = learning_of(learning(json.loads(written(MODEL)), learnedUntil="2026-03-02T08:00:00Z"))

    assert (told.name, told.trained_at, told.published_by, told.sessions) == ("m", MODEL.trained_at, "lee", 7)
    assert (told.published_at, told.learned_until) == (NOW - timedelta(days=1), NOW - timedelta(hours=1))
    assert (told.doubt, told.arms) == (None, [])


def test_the_arms_of_a_trial_are_told_by_name() -> None:
    arms = {"control": [9, 0.5, 2], "canary": [4, 0.25, 0]}

    told = learning_of(learning({"format": 2}, trial={"from": "2026-03-02T08:00:00Z", "arms": arms}))

    assert told.arms == [Arm("canary", 4, 0.25, 0), Arm("control", 9, 0.5, 2)]


@pytest.mark.parametrize(
    ("changed", "watched", "doubt"),
    [
        ({"trained_at": NOW - timedelta(days=31)}, [], "stale"),
        ({}, [[0.01, True]] * 200, "miscalibrated"),
        ({}, [[0.01, False]] * 200, None),
    ],
)
def test_what_speaks_against_it_is_told(changed: Any, watched: Any, doubt: str | None) -> None:
    document = json.loads(written(replace(MODEL, **changed)))

    assert learning_of(learning(document, watched=watched)).doubt == doubt


def test_what_this_version_cannot_read_is_unreadable() -> None:
    told = learning_of(learning({"format": 2}))

    assert (told.doubt, told.trained_at, told.learned_until) == ("unreadable", None, None)


def test_devices_are_worth_what_their_records_say_by_the_names_under_which_it_is_kept() -> None:
    told = [
        {"deviceId": "a", "host": "h", "kind": "X1", "cpuCores": 8, "taken": 0.5},
        {"deviceId": "b", "host": None, "kind": None, "cpuCores": 2, "taken": 0.25},
    ]
    own, host, of_kind = (replace(record, as_of=NOW.timestamp()) for record in (OWN, HOST, KIND))
    records = [row("device", "a", own), row("host", "h", host), row("kind", "X1", of_kind)]
    chance = Random(7)
    expected = [
        appraise(MODEL, standing, NOW.timestamp(), chance)
        for standing in (
            Standing(own=own, host=host, of_kind=of_kind, kind="X1", cpu_cores=8, taken=0.5),
            Standing(own=UNSEEN, cpu_cores=2, taken=0.25),
        )
    ]

    kept = appraised(MODEL, {"records": records, "now": NOW.isoformat(), "devices": told}, Random(7))

    assert [each["device_id"] for each in kept] == ["a", "b"]
    for each, worth in zip(kept, expected, strict=True):
        assert (each["hazard"], each["drawn"], each["score"]) == (worth.hazard, worth.drawn, worth.score)
        assert each["drawn"] != each["hazard"]
        costs = worth.costs
        assert [each[name] for name in ("failure", "start", "wear", "fit")] == [
            costs.failure,
            costs.start,
            costs.wear,
            costs.fit,
        ]
        assert len(each) == 8


@pytest.mark.parametrize(
    ("doubt", "because"),
    [
        (None, None),
        ("unreadable", "model_missing"),
        ("stale", "model_stale"),
        ("miscalibrated", "calibration_alarm"),
        ("misordered", "calibration_alarm"),
    ],
)
def test_a_doubt_is_told_as_what_keeps_the_model_from_deciding(doubt: str | None, because: str | None) -> None:
    told = learning_of(learning(json.loads(written(MODEL))))

    assert because_of(replace(told, doubt=doubt)) == because


def test_without_a_model_none_decides() -> None:
    assert because_of(None) == "model_missing"
