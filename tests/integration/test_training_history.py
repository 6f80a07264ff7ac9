"""`make train` reads from a running database how its sessions ended."""

import pytest

from tests.support.api import OPERATOR, Api
from tests.support.billing import fail_over
from tests.support.clock import Clock
from tools.train import sources
from tools.train.__main__ import main


def test_each_session_is_read_with_its_device_its_use_and_whether_that_failed(
    api: Api, still_clock: Clock, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "PAGE", 2)
    api.add_devices(3, host="host-7", model="pixel")
    lent = api.allocate(userId="alice", durationMinutes=60).data
    still_clock.advance(minutes=30)
    fail_over(api, lent["allocationId"], "Device failed: the screen went black")
    still_clock.advance(minutes=15)
    second = api.get(f"/scheduler/allocations/{lent['allocationId']}", OPERATOR).data["deviceId"]
    api.release(second)
    for _ in range(2):
        again = api.allocate(userId="bob", durationMinutes=30).data
        still_clock.advance(minutes=6)
        api.release(again["deviceId"])
    told = list[int]()

    found = sources.of_database(database_url, told.append)

    assert [(one.device, one.user, one.hours, one.failed) for one in found[:2]] == [
        (lent["deviceId"], "alice", 0.5, True),
        (second, "alice", 0.25, False),
    ]
    assert [(one.user, one.minutes, one.hours, one.failed) for one in found[2:]] == [("bob", 30, 0.1, False)] * 2
    assert {(one.host, one.kind, one.tenant, one.load, one.start_seconds) for one in found} == {
        ("host-7", "pixel", "acme", None, None)
    }
    assert told == [2, 4]


def test_a_database_with_little_in_it_teaches_nothing(
    api: Api, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.add_devices(1)
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert main([]) == 2
    assert "0 sessions; needed are 500" in capsys.readouterr().err


def test_a_database_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "nonsense")

    assert main([]) == 2
    assert "make train:" in capsys.readouterr().err
