"""Training: what is true of made-up sessions is found again."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from scheduler.domain.placement_document import read_model
from tools.simulate.history import Ended
from tools.train.__main__ import main
from tools.train.fit import TooLittle, deviance, fitted, predictions

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RATES = {"a": 0.01, "b": 0.04}


def history(sessions: int = 4000, seed: int = 1, worst: float = 8.0) -> list[Ended]:
    """Sessions of an hour at most on ten hosts of ten devices each; one host fails so many times as often."""
    draw, found = Random(seed), list[Ended]()
    for number in range(sessions):
        device = draw.randrange(100)
        kind, host, load = "ab"[device % 2], device // 10, draw.random()
        rate = RATES[kind] * (worst if host == 3 else 1.0) * (1 + 3 * load**2)
        until_failure, asked = draw.expovariate(rate), draw.choice((30, 60))
        hours = min(until_failure, asked / 60)
        start = (20.0 if kind == "a" else 40.0) * (1 + load)
        user = f"user-{draw.randrange(20)}"
        ended = Ended(
            600.0 * number, str(device), str(host), kind, "acme", user, asked, hours, hours < asked / 60, load, start
        )
        found.append(ended)
    return found


def test_what_is_true_is_found_again() -> None:
    model = fitted(history(), "made up", NOW)

    assert model.kinds["b"] / model.kinds["a"] == pytest.approx(4, rel=0.5)
    assert 0.5 < model.load[1] < 2.5
    assert model.start_kinds == pytest.approx({"a": 20, "b": 40}, rel=0.1)
    assert model.start_load == pytest.approx(1, rel=0.2)
    assert model.uses.of_all == (1.0,) * 5 or min(model.uses.of_all) > 0.95
    assert model.metrics["log_loss"] < 0.97 * model.metrics["log_loss_one_rate"]
    assert model.metrics["expected_failures"] == pytest.approx(model.metrics["failures"], rel=0.5)


def test_devices_of_a_bad_host_are_known_by_it() -> None:
    sessions = history(3000)
    model = fitted(sessions, "made up", NOW)
    said = predictions(model, sessions)[2000:]
    bad, good = (
        [one.hazard for one, ended in zip(said, sessions[2000:], strict=True) if (ended.host == "3") is is_bad]
        for is_bad in (True, False)
    )

    assert sum(bad) / len(bad) > 3 * sum(good) / len(good)


def test_what_a_session_comes_to_teaches_nothing_of_itself() -> None:
    """Predictions come before outcomes: the last outcome changes none."""
    sessions = history(600)
    model = fitted(sessions, "made up", NOW)
    other = [*sessions[:-1], sessions[-1]._replace(failed=not sessions[-1].failed)]

    assert [one.hazard for one in predictions(model, sessions)] == [one.hazard for one in predictions(model, other)]


def test_a_worse_model_is_told_from_a_better_one() -> None:
    sessions = history()
    model = fitted(sessions, "made up", NOW)
    turned = replace(model, kinds={"a": model.kinds["b"], "b": model.kinds["a"]})

    assert deviance(predictions(model, sessions)) < deviance(predictions(turned, sessions))


def test_what_a_database_does_not_know_is_done_without() -> None:
    unknown = [one._replace(load=None, start_seconds=None, kind=None) for one in history()]
    model = fitted(unknown, "poor", NOW)

    assert model.kinds == {}
    assert model.start_kinds == {}
    assert model.metrics["log_loss"] < model.metrics["log_loss_one_rate"]


@pytest.mark.parametrize("sessions", [[], history(100), [one._replace(failed=False) for one in history(600)]])
def test_too_little_is_said_to_be_too_little(sessions: list[Ended]) -> None:
    with pytest.raises(TooLittle, match=f"{len(sessions)} sessions; needed are 500"):
        fitted(sessions, "made up", NOW)


def test_training_tells_how_far_it_is() -> None:
    told = list[float]()
    fitted(history(600), "made up", NOW, told.append)

    assert told == sorted(told)
    assert 0.8 < told[-1] <= 1


def test_a_model_is_trained_from_simulated_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    out = tmp_path / "new" / "model.json"
    code = main(
        ["--runs", "2", "--requests", "700", "--days", "3", "--devices", "60", "--jobs", "1", "--out", str(out)]
    )

    assert code == 0
    model = read_model(out.read_text(), datetime.now(UTC))
    assert set(model.kinds) == {"a", "b", "c"}
    assert json.loads(out.read_text())["metrics"]["tested_sessions"] > 100


def test_too_few_runs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    code = main(
        [
            "--runs",
            "1",
            "--requests",
            "50",
            "--days",
            "1",
            "--devices",
            "30",
            "--jobs",
            "1",
            "--out",
            str(tmp_path / "m"),
        ]
    )

    assert code == 2
    assert "needed are 500" in capsys.readouterr().err
