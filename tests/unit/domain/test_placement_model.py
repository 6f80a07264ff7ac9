"""The learned placement model, and its document."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import e
from typing import Any

import pytest

from scheduler.domain.placement_document import FORMAT, LARGEST_BYTES, ModelError, read_model, written
from scheduler.domain.placement_model import (
    MOST_MULTIPLIED,
    Calibration,
    Exploration,
    PlacementModel,
    Strengths,
    Uses,
    Weights,
    cell,
)

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MODEL = PlacementModel(
    name="spring",
    trained_at=NOW,
    sessions=1234,
    metrics={"brier": 0.03},
    base=0.02,
    kinds={"a": 0.5},
    load=(0.5, 1.5),
    usual_load=0.4,
    wear=0.7,
    half_life_days=12.5,
    strengths=Strengths(1.5, 2.5, 3.5, 4.5),
    calibration=Calibration(0.9, -0.1),
    start_seconds=35.0,
    start_kinds={"a": 20.0},
    start_load=0.8,
    usual_hours=1.75,
    uses=Uses((0.2, 0.4, 0.6, 0.8, 1.0), {"acme|60": (0.1, 0.2, 0.3, 0.4, 0.5)}, 0.25),
    exploration=Exploration(0.1),
    weights=Weights(1, 2, 3, 4, 5, 6),
)


def document(**changes: Any) -> str:
    """A model as a document, with some members otherwise; `...`: left out."""
    changed = json.loads(written(MODEL)) | changes
    return json.dumps({name: value for name, value in changed.items() if value is not ...})


def test_a_model_is_read_as_it_was_written() -> None:
    assert read_model(written(MODEL), NOW) == MODEL
    assert json.loads(written(MODEL))["format"] == FORMAT
    assert read_model(written(PlacementModel()).encode(), NOW) == PlacementModel()


def test_a_document_has_each_member_on_its_line_in_order() -> None:
    lines = written(MODEL).splitlines(keepends=True)
    assert lines[:3] == ["{\n", ' "base": 0.02,\n', ' "calibration": {\n']
    assert lines[-2:] == [" }\n", "}\n"]


def test_what_is_missing_has_its_default() -> None:
    least = {"format": FORMAT, "name": "small", "trained_at": NOW.isoformat(), "base": 0.03}
    assert read_model(json.dumps(least), NOW) == PlacementModel(name="small", trained_at=NOW, base=0.03)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "not a JSON object"),
        ("{}", f"format is not {FORMAT}"),
        (document(format=2), f"format is not {FORMAT}"),
        (document(name=..., base=...), "base, name missing"),
        (document(colour="red"), "colour is not known"),
        (document(strengths={"luck": 1}), "strengths.luck is not known"),
        (document(strengths=[]), "strengths is not an object"),
        (document(base=float("nan")), "base is nan, not from 1e-09 to 0.5"),
        (document(base=float("inf")), "base is inf, not from 1e-09 to 0.5"),
        (document(base=10**30), f"base is {10**30}, not from 1e-09 to 0.5"),
        (document(base=10**400), f"base is {10**400}, not from 1e-09 to 0.5"),
        (document(base=None), "base is None, not a number"),
        (document(base="0.1"), "base is '0.1', not a number"),
        (document(base=True), "base is True, not a number"),
        (document(base=0), "base is 0, not from 1e-09 to 0.5"),
        (document(base=0.6), "base is 0.6, not from 1e-09 to 0.5"),
        (document(sessions=-1), "sessions is -1, not from 0 to 1e+12"),
        (document(sessions=10**12 + 1), "sessions is 1000000000001, not from 0 to 1e+12"),
        (document(weights={"failure": -1}), "weights.failure is -1, not from 0 to 1e+06"),
        (document(exploration={"share": 0.5}), "exploration.share is 0.5, not from 0 to 0.25"),
        (document(half_life_days=0), "half_life_days is 0, not from 0.01 to 10000"),
        (document(load=[1.0]), "load is not a list of 2 numbers"),
        (document(load=7), "load is not a list of 2 numbers"),
        (document(load="ab"), "load is not a list of 2 numbers"),
        (document(load=["0", 1.0]), "load[0] is '0', not a number"),
        (document(load=[0.0, 11.0]), "load[1] is 11.0, not from -10 to 10"),
        (document(kinds=[]), "kinds is not an object"),
        (document(kinds={"a": 100}), "kinds.a is 100, not from 0.02 to 50"),
        (document(uses={"cells": {"acme|60": [1]}}), "uses.cells.acme|60 is not a list of 5 numbers"),
        (document(uses={"cells": {"acme|60": [1, 1, 1, 1, -1]}}), "uses.cells.acme|60[4] is -1, not from 0 to 100"),
        (document(metrics=3), "metrics is not an object"),
        (document(name=""), "name is not a text of 1 to 100 characters"),
        (document(name="n" * 101), "name is not a text of 1 to 100 characters"),
        (document(name=5), "name is not a text of 1 to 100 characters"),
        (document(trained_at="noon"), "trained_at is 'noon', not a time"),
        (document(trained_at=5), "trained_at is 5, not a time"),
        (document(trained_at="2026-05-01T12:00:00"), "trained_at is '2026-05-01T12:00:00', without an offset from UTC"),
        (
            document(trained_at=(NOW + timedelta(seconds=1)).isoformat()),
            "trained_at is 2026-05-01T12:00:01+00:00, in the future",
        ),
        (" " * (LARGEST_BYTES + 1), f"the document is longer than {LARGEST_BYTES} bytes"),
    ],
)
def test_what_could_be_no_model_is_refused(text: str, told: str) -> None:
    with pytest.raises(ModelError) as refusal:
        read_model(text, NOW)
    assert str(refusal.value) == told


def test_limits_are_still_good() -> None:
    good = document(name="n" * 100, base=0.5, sessions=0, exploration={"share": 0.25}, kinds={"a": 50, "b": 0.02})
    assert read_model(good, NOW).name == "n" * 100
    assert read_model(document(sessions=10**12), NOW).sessions == 10**12
    text = document()
    assert read_model(text + " " * (LARGEST_BYTES - len(text)), NOW) == MODEL


def test_an_hour_counts_for_its_kind_load_and_wear() -> None:
    assert MODEL.multiplier("a", 1.0, 1000.0) == pytest.approx(0.5 * e**2.7)
    assert MODEL.multiplier(None, 0.0, 0.0) == 1.0
    assert MODEL.multiplier("new", 0.0, 0.0) == 1.0


def test_an_unknown_load_is_the_usual_one_and_none_is_beyond_its_ends() -> None:
    assert MODEL.multiplier("a", None, 0.0) == MODEL.multiplier("a", 0.4, 0.0)
    assert MODEL.multiplier("a", 7.0, 0.0) == MODEL.multiplier("a", 1.0, 0.0)
    assert MODEL.multiplier("a", -7.0, 0.0) == MODEL.multiplier("a", 0.0, 0.0)
    assert MODEL.slowness(None) == pytest.approx(1.32)
    assert MODEL.slowness(7.0) == 1.8
    assert MODEL.slowness(-7.0) == 1.0


def test_no_hour_counts_beyond_reason() -> None:
    model = replace(MODEL, wear=10.0)
    assert model.multiplier(None, 0.0, 1e6) == MOST_MULTIPLIED
    assert model.multiplier("a", 0.0, 1e6) == pytest.approx(0.5 * e**4)
    assert replace(MODEL, wear=-10.0).multiplier(None, 0.0, 1e6) == 1 / MOST_MULTIPLIED
    unharmed = replace(MODEL, wear=-10.0, kinds={"a": 2.0})
    assert unharmed.multiplier("a", 0.0, 1e6) == pytest.approx(2 * e**-4)


def test_calibration_straightens_hazards() -> None:
    assert replace(MODEL, calibration=Calibration()).hazard(0.02, 3.0) == pytest.approx(0.06)
    assert replace(MODEL, calibration=Calibration(2.0, 1.0)).hazard(0.02, 3.0) == pytest.approx(e * 0.0036)


@pytest.mark.parametrize(("minutes", "step"), [(1, 30), (30, 30), (31, 60), (480, 480), (1440, 480)])
def test_asked_minutes_are_told_apart_by_steps(minutes: int, step: int) -> None:
    assert cell("acme", minutes) == f"acme|{step}"


def test_use_is_expected_by_tenant_and_minutes() -> None:
    assert MODEL.expected_hours("acme", 60) == pytest.approx(0.3)
    assert MODEL.expected_hours("other", 120) == pytest.approx(2 * 0.6)
    assert (MODEL.share("acme", 60), MODEL.share("acme", 61)) == (pytest.approx(0.3), pytest.approx(0.6))
    assert MODEL.expected_hours("acme", 120, share=0.5) == 1.0
    late = replace(MODEL, uses=Uses((0.5, 0.5, 2.0, 2.0, 2.0)))
    assert late.expected_hours("acme", 60) == pytest.approx(0.8)


def test_a_users_own_past_counts_as_far_as_it_was_found_to() -> None:
    assert MODEL.expected_hours("acme", 60, [0.5, 0.9]) == pytest.approx(0.25 * 0.7 + 0.75 * 0.3)
    assert MODEL.expected_hours("acme", 60, [0.5], 0.75) == pytest.approx(0.25 * 0.5 + 0.75 * 0.75)
    assert MODEL.expected_hours("acme", 60, [5.0]) == pytest.approx(0.25 * 1.0 + 0.75 * 0.3)
