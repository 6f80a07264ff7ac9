"""`cloudphone run -- COMMAND`: a phone for as long as a command runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Annotated

import msgspec
import typer

from cloudphone.cli import screen
from cloudphone.cli.codes import Code
from cloudphone.cli.session import session
from cloudphone.cli.wanted import DeviceType, MaxWait, MinCpu, MinMemory, Minutes, Wait, allocated, wants_of
from cloudphone.client import Client, Phone
from cloudphone.errors import CloudPhoneError
from cloudphone.holding import covered_minutes
from cloudphone.keeping import Keeping

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.5


def run(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(help="What to run, after --.")],
    minutes: Minutes = 5,
    needs: Annotated[int | None, typer.Option(min=1, help="Minutes that the command may take.")] = None,
    renew_minutes: Annotated[int | None, typer.Option(min=1, help="Renew by at most so much at a time.")] = None,
    grace: Annotated[int, typer.Option(min=0, help="Seconds to end in, once told to, before it is killed.")] = 5,
    wait: Wait = False,
    max_wait: MaxWait = 30,
    min_cpu: MinCpu = None,
    min_memory: MinMemory = None,
    device_type: DeviceType = None,
    json: screen.AsJson = False,
) -> None:
    """Run a command with a phone: ADB_HOST, ADB_PORT and ANDROID_SERIAL say where it is.

    It is renewed while the command runs, and given back at its end, on Ctrl-C and on SIGTERM. The exit code is the
    command's; 124 when the phone was lost and the command stopped, 125 when there was none.
    """
    for number in STOPPING:
        signal.signal(number, _leave)
    say = _as_json if json else _as_text
    keeping = Keeping(renew_minutes, look_seconds=10, tell=say)
    wants = wants_of(minutes, min_cpu, min_memory, device_type)
    code: int = Code.NOT_RUN
    try:
        with (
            session(context) as client,
            allocated(client, wants, wait=wait, max_wait=max_wait, keeping=keeping) as phone,
        ):
            if _is_covered(client, phone, minutes, needs, say):
                code = Child(command, phone, grace).wait(say)
    except CloudPhoneError as problem:
        screen.tell(problem, json=json)
        code = code or Code.NOT_RUN  # it ran well, but its phone could not be given back
    raise typer.Exit(code)


class Child:
    """The command while it runs. Whoever tells us to stop tells it; what does not stop is killed after `grace`."""

    def __init__(self, command: list[str], phone: Phone, grace: float) -> None:
        """Remember what to run."""
        self._command = command
        self._phone = phone
        self._grace = grace
        self._told: int | None = None
        self._kill_at = float("inf")
        self._process: subprocess.Popen[bytes] | None = None

    def wait(self, say: Callable[[str, str], None]) -> int:
        """Run it to its end, and give the exit code of that."""
        for number in STOPPING:  # before there is a command: one that began unseen would be told nothing
            signal.signal(number, self._pass_on)
        try:
            self._process = subprocess.Popen(self._command, env=os.environ | _address(self._phone))
        except OSError as problem:
            say("failed", f"{self._command[0]}: {problem.strerror}")
            return Code.NO_COMMAND if isinstance(problem, FileNotFoundError) else Code.NOT_EXECUTABLE
        with self._process as process:
            try:
                if self._told:
                    self._tell(self._told)
                return self._watch(process, say)
            finally:
                if process.poll() is None:
                    process.kill()

    def _watch(self, process: subprocess.Popen[bytes], say: Callable[[str, str], None]) -> int:
        lost = False
        while self._is_running(process):
            if self._phone.ended and not lost:
                lost = True
                say("stopping", "The phone is lost: the command is stopped.")
                self._tell(signal.SIGTERM)
            if time.monotonic() > self._kill_at:
                process.kill()
        if lost:
            return Code.LOST
        code = process.returncode
        return 128 + self._told if self._told else code if code >= 0 else 128 - code

    def _is_running(self, process: subprocess.Popen[bytes]) -> bool:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
            return False
        return True

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        again = self._told is not None
        self._told = number
        if again:
            self._kill_at = 0
        elif number == signal.SIGINT and _is_in_front():
            self._kill_at = time.monotonic() + self._grace  # the terminal told it already
        else:
            self._tell(number)

    def _tell(self, number: int) -> None:
        self._kill_at = time.monotonic() + self._grace
        if self._process:
            self._process.send_signal(number)


def _is_covered(client: Client, phone: Phone, minutes: int, needs: int | None, say: Callable[[str, str], None]) -> bool:
    """Say beforehand for how long the phone can be had at all; False: not for as long as the command needs."""
    outlook = client.renewal(phone.allocation_id)
    most = covered_minutes(minutes, outlook)
    say("running", f"{phone.device_id} at {phone.adb} until {screen.until(phone.expires_at)}")
    if most is None:
        return True
    times = f"{outlook.remaining_renewals} renewals of up to {outlook.max_additional_minutes} minutes"
    limit = f"Your tier covers {most} minutes at most: {minutes}, and {times}."
    if needs is None or needs <= most:
        say("limited", f"{limit} A command that takes longer is stopped then.")
        return True
    say("too_long", f"{limit} The command needs {needs}: ask for more at first, by --minutes.")
    return False


def _address(phone: Phone) -> dict[str, str]:
    return {
        "ADB_HOST": phone.adb_host,
        "ADB_PORT": str(phone.adb_port),
        "ANDROID_SERIAL": phone.adb,
        "CLOUDPHONE_DEVICE_ID": phone.device_id,
        "CLOUDPHONE_ALLOCATION_ID": phone.allocation_id,
    }


def _is_in_front() -> bool:
    """Tell whether Ctrl-C of a terminal reaches the command by itself: we are of the group in front, and so is it."""
    with suppress(OSError, ValueError):
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    return False


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _as_text(_what: str, text: str) -> None:
    screen.say(f"cloudphone: {text}")


def _as_json(what: str, text: str) -> None:
    sys.stderr.write(msgspec.json.encode({"news": what, "detail": text}).decode() + "\n")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(run)
