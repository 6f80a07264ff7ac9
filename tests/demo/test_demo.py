"""The demo on a region with all services next door: what it tells comes true, twice at once, and disturbs nobody."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, Api, region_up
from tools.demo.__main__ import CHAPTERS

DEMO_SECONDS = 600


@pytest.fixture(scope="module")
def neighbourhood() -> Iterator[dict[str, str]]:
    with region_up(NEIGHBOURS="1") as environment:
        yield environment


def play(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.demo", "--fast"],
        cwd=ROOT,
        env={**os.environ, "REGION_HOME": environment["REGION_HOME"], "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )


def told(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.load(reply)


def test_two_demos_at_once_go_as_told_and_disturb_nobody(neighbourhood: dict[str, str]) -> None:
    api, token = Api(neighbourhood["API_URL"]), neighbourhood["SERVICE_TOKEN"]
    stranger = {"userId": "a-stranger", "durationMinutes": 60}
    before = api.call("POST", "/scheduler/devices/allocate", token, stranger).body["data"]
    free_before = api.call("GET", "/scheduler/devices/available?limit=1000", token).body["data"]

    with ThreadPoolExecutor(2) as crowd:
        demos = list(crowd.map(play, [neighbourhood, neighbourhood]))

    assert [demo.returncode for demo in demos] == [0, 0], "\n".join(demo.stdout + demo.stderr for demo in demos)
    for demo in demos:
        assert [chapter.title for chapter in CHAPTERS if chapter.title not in demo.stdout] == []
        assert "✗" not in demo.stdout
        assert demo.stderr == ""
    after = api.call("GET", f"/scheduler/allocations/{before['allocationId']}", token).body["data"]
    assert (after["status"], after["deviceId"]) == ("allocated", before["deviceId"])
    assert api.call("GET", "/scheduler/devices/available?limit=1000", token).body["data"] == free_before
    known = {
        "usage": told(f"{neighbourhood['BILLING_SERVICE_URL']}/control/usage")["applied"],
        "notices": told(f"{neighbourhood['NOTIFICATION_SERVICE_URL']}/control/sent")["applied"],
    }
    for applied in known.values():
        tenants = {entry["tenantId"] for entry in applied if entry["tenantId"].startswith("demo-")}
        assert len(tenants) == len(demos)
