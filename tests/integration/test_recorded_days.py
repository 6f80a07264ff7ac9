"""`make simulate` replays what a running database has lent, on a fleet like its own."""

import csv
import json
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.clock import Clock
from tools.simulate import recorded
from tools.simulate.__main__ import main


def lend(api: Api, clock: Clock, user: str, minutes: int, used: float, **wants: int) -> None:
    """Lend a device; give it back when it was used so many minutes."""
    device = api.allocate(userId=user, durationMinutes=minutes, preferredSpecs=wants).data["deviceId"]
    clock.advance(minutes=used)
    api.release(device)


def test_what_was_lent_is_played_again(
    api: Api, still_clock: Clock, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "PAGE", 2)
    monkeypatch.setenv("DATABASE_URL", database_url)
    api.add_devices(3, cpuCores=4)
    api.add_devices(2, cpuCores=8)
    lend(api, still_clock, "long ago", 60, 10)
    still_clock.advance(hours=24 * 7)
    lend(api, still_clock, "alice", 60, 15)
    lend(api, still_clock, "bob", 30, 30.5, minCpu=8)
    lend(api, still_clock, "alice", 20, 5)
    api.allocate(userId="still has it")
    told = list[float]()

    sizes = recorded.record(database_url, 7, tmp_path / "trace.csv", told.append)

    rows = list(csv.DictReader((tmp_path / "trace.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["user"], row["minutes"], row["use_seconds"], row["min_cpu"]) for row in rows] == [
        ("alice", "60", "900", ""),
        ("bob", "30", "1800", "8"),
        ("alice", "20", "300", ""),
    ]
    assert {(row["tenant"], row["plan"]) for row in rows} == {("acme", "pro")}
    assert float(rows[1]["at_seconds"]) - float(rows[0]["at_seconds"]) == pytest.approx(900, abs=1)
    assert sorted(cores for cores, _ in sizes) == [4, 4, 4, 8, 8]
    assert told == sorted(told)
    assert told[-1] == 1

    assert main(["--database", "--seeds", "2", "--jobs", "1", "--devices", "+1", "--out", str(tmp_path)]) == 0

    scenarios = json.loads((tmp_path / "report.json").read_text())["scenarios"]
    assert [one["world"]["devices"] for one in scenarios.values()] == [5, 6]
    assert scenarios["resource_based"]["summary"]["success rate"]["mean"] == 1


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        pytest.param(["--database", "nonsense"], "make simulate:", id="no URL"),
        pytest.param(["--database"], "needs DATABASE_URL", id="no URL at all"),
        pytest.param(["--database", "x", "--trace", "y.csv"], "either a trace or a database", id="both"),
    ],
)
def test_what_cannot_be_replayed_is_told(
    asked: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    assert main(asked) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_database_in_which_nothing_has_ended_is_told(api: Api, database_url: str, tmp_path: Path) -> None:
    with pytest.raises(recorded.NothingRecorded, match="no devices"):
        recorded.record(database_url, 7, tmp_path / "trace.csv", lambda _: None)
    api.add_devices(1)
    with pytest.raises(recorded.NothingRecorded, match="nothing that was lent has ended in the last 7 days"):
        recorded.record(database_url, 7, tmp_path / "trace.csv", lambda _: None)
