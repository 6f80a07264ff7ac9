"""The command line: results on standard output, everything else beside, and an exit code that says what happened."""

import io
import json
import logging
import re
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import typer

from cloudphone.cli.codes import Code
from cloudphone.cli.main import app
from cloudphone.cli.planning import moment
from faked_scheduler import Scheduler, data, no_answer, page, problem, refused

Cli = Callable[..., Any]


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def test_every_command_can_print_json_and_says_what_it_is_for() -> None:
    found = dict(commands(typer.main.get_command(app)))

    assert {path[0] for path in found} == {
        *("login", "allocate", "release", "renew", "ls", "who", "devices", "reserve", "reservations", "queue", "usage"),
        *("watch", "run", "fleet", "dlq", "audit", "audit-log", "webhooks"),
    }
    assert [path for path, one in found.items() if "--json" not in {o for p in one.params for o in p.opts}] == []
    assert [path for path, one in found.items() if not one.help] == []


def test_a_phone_is_allocated_seen_renewed_and_given_back(cli: Cli, scheduler: Scheduler) -> None:
    allocated = cli("allocate", "--minutes", "5", "--json")
    assert (allocated.code, json.loads(allocated.out)["adbPort"]) == (0, 5555)
    assert "phone-1" in cli("ls").out
    assert json.loads(cli("who", "--json").out) == [{"tenantId": "acme", "userId": "alice", "devices": ["phone-1"]}]
    assert json.loads(cli("renew", "phone-1", "--json").out)["additionalMinutes"] == 240
    assert "given back" in cli("release").out
    assert scheduler.detail()["status"] == "released"
    assert cli("ls").out == "No phone is lent to you.\n"
    assert json.loads(cli("ls", "--json").out) == []


def test_who_waits_sees_place_and_estimate(cli: Cli, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudphone.flows._look_again_seconds", lambda _: 0.001)
    scheduler.free = False
    scheduler.more["GET /queue/[^/]+"] = lambda _: (scheduler.serve(), data(scheduler.waiter))[1]

    done = cli("allocate", "--wait", "--json")

    assert done.err == "Place 2, probably 60 s, nine times of ten within 3 min\n"
    assert json.loads(done.out)["deviceId"] == "phone-1"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (problem("unauthorized", 401), 4),
        (problem("forbidden", 403), 4),
        (problem("allocation_not_found", 404), 5),
        (problem("quota_exceeded", 403), 6),
        (problem("cap_exceeded", 403), 6),
        (problem("no_available_devices", 409, retryable=True), 7),
        (problem("rate_limited", 429, retryable=True, retry_after=100), 3),
        (problem("internal_error", 500), 1),
    ],
)
def test_the_exit_code_says_what_happened(cli: Cli, scheduler: Scheduler, fault: Any, code: int) -> None:
    scheduler.faults = [fault, fault]

    told, as_json = cli("allocate"), cli("allocate", "--json")

    assert (told.code, as_json.code) == (code, code)
    assert (told.out, as_json.out) == ("", "")
    assert json.loads(as_json.err)["code"] in told.err


def test_no_answer_has_its_code(cli: Cli, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudphone.flows.random.uniform", lambda *_: 0)
    scheduler.faults = [no_answer] * 10

    assert cli("ls").code == 3


def test_a_wrong_command_line_is_2(cli: Cli) -> None:
    assert cli("ls", "--nonsense").code == 2
    assert cli("reserve", "tomorrow").code == 2


def test_what_is_not_there_is_5_and_what_is_meant_has_to_be_said(cli: Cli, scheduler: Scheduler) -> None:
    assert cli("release", "phone-7").code == 5
    scheduler.grant(5)
    one = scheduler.detail()
    scheduler.more["GET /allocations"] = lambda _: page([one, {**one, "allocationId": "b", "deviceId": "phone-2"}])

    done = cli("release")
    assert (done.code, "phone-1, phone-2. Name the one that you mean" in done.err) == (1, True)


def test_login_keeps_a_token_that_only_its_owner_can_read(
    bare_cli: Cli, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: Scheduler
) -> None:
    assert bare_cli("ls").code == 4
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))

    done = bare_cli("--url", "http://scheduler/", "login", "--token-file", "-")

    assert (done.code, "alice of acme" in done.out) == (0, True)
    assert token not in done.out + done.err
    kept = tmp_path / "home" / "config.ini"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert list(kept.parent.iterdir()) == [kept]
    assert bare_cli("ls").code == 0
    assert scheduler.requests[-1].headers["Authorization"] == f"Bearer {token}"


def test_a_token_that_is_refused_is_not_kept(bare_cli: Cli, tmp_path: Path, scheduler: Scheduler) -> None:
    (tmp_path / "token").write_text("nonsense")
    scheduler.faults = [lambda _: data(None, 401)]

    assert bare_cli("--url", "http://scheduler", "login", "--token-file", str(tmp_path / "token")).code == 4
    assert not (tmp_path / "home").exists()


def test_login_takes_what_make_up_wrote(bare_cli: Cli, token: str, tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text(f"API_URL=http://scheduler\nUSER_TOKEN=nobody\nOPERATOR_TOKEN='{token}'\n")

    assert bare_cli("--profile", "op", "login", "--env-file", str(env), "--as", "operator").code == 0
    assert bare_cli("ls").code == 4
    assert bare_cli("--profile", "op", "ls").code == 0


def test_a_kept_token_goes_to_its_own_scheduler_only(bare_cli: Cli, token: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token)
    bare_cli("--url", "http://scheduler", "login", "--token-file", str(tmp_path / "token"))

    assert bare_cli("--url", "http://scheduler/", "ls").code == 0
    assert bare_cli("--url", "http://elsewhere", "ls").code == 4


def test_a_file_that_others_can_read_is_told(bare_cli: Cli, token: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(token)
    bare_cli("--url", "http://scheduler", "login", "--token-file", str(tmp_path / "token"))
    (tmp_path / "home" / "config.ini").chmod(0o644)

    assert "chmod 600" in bare_cli("ls").err


def test_no_output_has_the_token(cli: Cli, scheduler: Scheduler, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])  # as in a process of its own
    scheduler.faults = [problem("internal_error", 500)]
    outputs = [cli("--verbose", "ls"), cli("--verbose", "allocate"), cli("--help"), cli("nonsense")]

    assert [done for done in outputs if token in done.out + done.err] == []
    assert "POST http://scheduler/scheduler/devices/allocate" in outputs[1].err
    assert not app.pretty_exceptions_enable  # it shows local variables


def test_texts_of_others_cannot_drive_the_terminal(cli: Cli, scheduler: Scheduler) -> None:
    scheduler.grant(5)
    assert scheduler.allocation
    scheduler.allocation["deviceId"] = "\x1b]0;owned\x07[red]x"

    assert "\x1b" not in cli("ls").out
    assert "[red]x" in cli("ls").out


def test_an_audit_that_does_not_hold_is_8(cli: Cli, scheduler: Scheduler) -> None:
    one = {"id": "I1", "statement": "One holder a device", "holds": False, "count": 1, "complete": True}
    finding = {"check": "two holders", "count": 1, "rows": [{"device": "phone-1"}]}
    told = {"holds": False, "invariants": [{**one, "findings": [finding], "checkedFrom": None}], "lastFullRun": None}
    scheduler.more["GET /audit"] = lambda _: data(told)

    done = cli("audit")
    assert (done.code, "BROKEN" in done.out, "two holders" in done.err) == (8, True, True)
    assert cli("audit", "--json").code == 8
    scheduler.more["GET /audit"] = lambda _: data({**told, "holds": True, "invariants": []})
    assert cli("audit").code == 0


def test_dead_letters_are_sent_back_until_none_is_left(cli: Cli, scheduler: Scheduler) -> None:
    left = [250]

    def some(body: Any) -> Any:
        left[0] -= 100
        return data({"name": "Usage", "moved": body["limit"], "left": max(0, left[0])})

    scheduler.more["POST /dlqs/Usage/redrive"] = some

    assert json.loads(cli("dlq", "redrive", "Usage", "--all", "--json").out) == {
        "name": "Usage",
        "moved": 300,
        "left": 0,
    }
    left[0] = 250
    assert "about 150 left" in cli("dlq", "redrive", "Usage").out


def test_watch_goes_on_when_the_scheduler_is_away(cli: Cli, scheduler: Scheduler, monkeypatch: Any) -> None:
    monkeypatch.setattr("cloudphone.cli.watching.time.sleep", lambda _: None)
    scheduler.grant(5)
    scheduler.more["GET /queue"] = lambda _: page([])
    scheduler.faults = [None, None, problem("unavailable", 503, retryable=True, retry_after=100)]

    lines = [json.loads(line) for line in cli("watch", "--times", "3", "--json").out.splitlines()]

    assert [len(line["allocations"]) for line in lines] == [1, 1, 1]
    assert [bool(line["trouble"]) for line in lines] == [False, True, False]
    assert cli("watch", "--times", "1").out.count("phone-1") == 1


def test_a_reservation_asks_for_what_was_said(cli: Cli, scheduler: Scheduler) -> None:
    scheduler.more["POST /reservations"] = lambda _: refused("reservation_conflict", 409)

    assert cli("reserve", "2026-03-02T09:00+01:00", "--minutes", "30", "--type", "android-14").code == 6
    assert json.loads(scheduler.requests[-1].content) == {
        "startTime": moment("2026-03-02T08:00Z").isoformat(),
        "durationMinutes": 30,
        "deviceType": "android-14",
    }


def test_the_exit_codes_are_told_as_they_are() -> None:
    told = re.findall(r"^\| ([\d, ]+) \|", (Path(__file__).parents[1] / "README.md").read_text(), re.MULTILINE)

    assert {int(code) for cell in told for code in cell.split(",")} == {*map(int, Code), 2, 130, 143}


def test_times_are_read_as_they_are_written() -> None:
    nine = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)

    assert moment("2026-03-02T09:00Z") == moment("2026-03-02 09:00:00Z") == moment("2026-03-02T10:00+01:00") == nine
    assert moment("2026-03-02T09:00") == datetime(2026, 3, 2, 9).astimezone()
    assert 80 <= (moment("+90") - datetime.now(timezone.utc)).total_seconds() / 60 <= 90
