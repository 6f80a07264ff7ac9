"""`cloudphone run`: the command has a phone as long as it runs, and not longer."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cloudphone import Retries
from cloudphone.holding import Holding
from faked_scheduler import Scheduler, no_answer, problem

Cli = Callable[..., Any]
TELL = "import os; print(os.environ['ADB_HOST'], os.environ['ADB_PORT'], os.environ['ANDROID_SERIAL'])"


def status(scheduler: Scheduler) -> str:
    return str(scheduler.detail()["status"])


def test_the_command_is_told_where_its_phone_is(cli: Cli, scheduler: Scheduler) -> None:
    done = cli("run", "--", sys.executable, "-c", TELL)

    assert (done.code, done.out) == (0, "10.0.0.7 5555 10.0.0.7:5555\n")
    assert status(scheduler) == "released"


def test_options_after_the_command_are_its_own(cli: Cli) -> None:
    assert cli("run", "echo", "--json", "-m", "3").out == "--json -m 3\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "kill -9 $$"], 137),
        (["no-such-command"], 127),
        (["/"], 126),
        (["sh", "-c", "kill -TERM $PPID; exec sleep 30"], 143),
        (["sh", "-c", "kill -INT $PPID; exec sleep 30"], 130),
        (["sh", "-c", "trap '' TERM; kill -TERM $PPID; while :; do sleep 0.1; done"], 143),
        (["sh", "-c", "trap '' TERM; kill -TERM $PPID; kill -TERM $PPID; while :; do sleep 0.1; done"], 143),
    ],
)
def test_the_phone_is_given_back_however_the_command_ends(
    cli: Cli, scheduler: Scheduler, command: list[str], code: int
) -> None:
    done = cli("run", "--grace", "0", "--", *command)

    assert done.code == code, done.err
    assert status(scheduler) == "released"


def test_a_command_whose_phone_is_lost_is_stopped(
    cli: Cli, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Holding, "look_again_seconds", lambda *_: 0.001)
    scheduler.limit |= {"canRenew": False, "remainingRenewals": 0, "maxAdditionalMinutes": 0}
    scheduler.faults = [None, None, lambda _: setattr(scheduler, "seconds", 301)]

    done = cli("run", "--", "sh", "-c", f"sleep 3; touch {tmp_path}/went-on")

    assert (done.code, status(scheduler)) == (124, "expired")
    assert list(tmp_path.iterdir()) == []
    assert "not yours any more: expired" in done.err
    assert "the command is stopped" in done.err


def test_what_the_tier_cannot_cover_is_said_beforehand(cli: Cli, scheduler: Scheduler) -> None:
    scheduler.limit |= {"remainingRenewals": 2, "maxAdditionalMinutes": 30}

    warned = cli("run", "--minutes", "1", "--", "echo", "ran")
    assert (warned.code, warned.out) == (0, "ran\n")
    assert "Your tier covers 61 minutes at most" in warned.err

    refused = cli("run", "--minutes", "1", "--needs", "62", "--json", "--", "echo", "ran")
    assert (refused.code, refused.out) == (125, "")
    assert [json.loads(line)["news"] for line in refused.err.splitlines()] == ["running", "too_long"]
    assert status(scheduler) == "released"
    assert cli("run", "--minutes", "1", "--needs", "61", "--", "true").code == 0


def test_without_limit_nothing_is_warned_of(cli: Cli) -> None:
    assert "at most" not in cli("run", "--needs", "6000", "--", "true").err


def test_without_a_phone_nothing_runs(cli: Cli, scheduler: Scheduler) -> None:
    scheduler.faults = [problem("quota_exceeded", 403)]

    assert cli("run", "--", "echo", "ran")[:2] == (125, "")


def test_a_phone_that_cannot_be_given_back_is_told(
    cli: Cli, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudphone.flows.PATIENT", Retries(attempts=2, base_seconds=0.001))
    scheduler.faults = [None, None, *[no_answer] * 20]

    assert cli("run", "--", "true").code == 125
    scheduler.faults = [None, None, *[no_answer] * 20]
    assert cli("run", "--", "sh", "-c", "exit 3").code == 3
