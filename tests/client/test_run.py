"""`cloudphone run` keeps a phone through all that can happen in a minute and a half, and leaves none behind."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.client.conftest import World

PATIENCE_SECONDS = 60
RUN = ("cloudphone", "run", "--minutes", "1", "--json", "--")


def wait_until(holds: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """Wait for something to become true, and give it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError("it did not come true")


def news(process: subprocess.Popen[str], code: int) -> tuple[list[str], str]:
    """Wait for the end of a run, expect its exit code, give its news and what the command printed."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == code, err
    return [json.loads(line)["news"] for line in err.splitlines()], out


# The front that this test starts runs on, until the region is taken down.
@pytest.mark.filterwarnings("ignore:.*Popen.__del__:pytest.PytestUnraisableExceptionWarning")
def test_a_run_outlives_its_first_minute_and_a_restart_of_the_api(world: World) -> None:
    """One runs to the end of its command, one is killed by SIGTERM, one by Ctrl-C; meanwhile the API is away."""
    names = ("to-the-end", "terminated", "interrupted")
    people = {name: world.person(name) for name in names}
    for name in names:
        world.give_plan(name, "enterprise")
    started = time.monotonic()
    runs = {name: person.start(*RUN, "sleep", "90") for name, person in people.items()}
    first = {name: wait_until(lambda name=name: world.held(name))[0] for name in names}

    time.sleep(max(0, started + 22 - time.monotonic()))  # the renewal, with half a minute left, falls into the outage
    world.front.stop()
    time.sleep(15)
    world.front.start()
    back = datetime.now(UTC)
    time.sleep(max(0, started + 70 - time.monotonic()))

    kept = {name: world.held(name) for name in names}
    assert {name: [(one["allocationId"], one["deviceId"]) for one in held] for name, held in kept.items()} == {
        name: [(first[name]["allocationId"], first[name]["deviceId"])] for name in names
    }
    for (held,) in kept.values():
        assert held["renewalCount"] == 1
        assert datetime.fromisoformat(held["lastRenewedAt"]) > back  # it was due while nobody answered
    runs["terminated"].send_signal(signal.SIGTERM)
    runs["interrupted"].send_signal(signal.SIGINT)
    for name, code in (("terminated", 143), ("interrupted", 130), ("to-the-end", 0)):
        told, _ = news(runs[name], code)
        assert (told[0], "renewed" in told, "lost" in told) == ("running", True, False)
        assert world.held(name) == []
    assert 90 <= time.monotonic() - started < 90 + PATIENCE_SECONDS


def test_a_tier_that_cannot_cover_the_command_is_told_before_it_begins(world: World) -> None:
    world.give_plan("thrifty", "free")
    person = world.person("thrifty")

    needs = ("cloudphone", "run", "--minutes", "1", "--needs", "90", "--json", "--", "echo", "ran")
    assert news(person.start(*needs), 125) == (["running", "too_long"], "")
    assert news(person.start(*RUN, "echo", "ran"), 0) == (["running", "limited"], "ran\n")
    assert world.held("thrifty") == []


def test_a_command_whose_phone_is_revoked_is_stopped(world: World) -> None:
    run = world.person("unlucky").start(*RUN, "sleep", "600")
    (held,) = wait_until(lambda: world.held("unlucky"))
    path = f"/scheduler/allocations/{held['allocationId']}/revoke"

    assert world.api.call("POST", path, world.region["OPERATOR_TOKEN"], {"reason": "maintenance"}).status == 200
    told, _ = news(run, 124)
    assert told[-2:] == ["lost", "stopping"]


def test_who_is_killed_in_the_queue_leaves_it(world: World) -> None:
    world.person("first").run("cloudphone", "allocate", "--type", "android-13", "--min-cpu", "12")
    free = world.api.call("GET", "/scheduler/devices/available?minCpu=12&limit=200", world.region["SERVICE_TOKEN"])
    for number, _ in enumerate(free.body["data"]):
        world.person(f"hoarder-{number}").run("cloudphone", "allocate", "--min-cpu", "12")

    run = world.person("waiter").start("cloudphone", "run", "--wait", "--min-cpu", "12", "--", "true")
    queue = "/scheduler/queue?userId=waiter&status=waiting"
    wait_until(lambda: world.api.call("GET", queue, world.region["SERVICE_TOKEN"]).body["data"])
    run.send_signal(signal.SIGTERM)

    out, err = run.communicate(timeout=PATIENCE_SECONDS)
    assert (run.returncode, out) == (143, ""), err
    assert "Place 1" in err
    assert world.api.call("GET", queue, world.region["SERVICE_TOKEN"]).body["data"] == []
