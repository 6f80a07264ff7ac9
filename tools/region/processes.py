"""The region's processes: started apart from the terminal, remembered in a file, stopped by it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tools.region.layout import ROOT, Layout

_STOP_SECONDS = 8.0


class RegionError(Exception):
    """The region cannot start; the text says why and which log tells more."""


@dataclass(frozen=True)
class Member:
    """One process of the region; `created` tells it from a later process with the same id."""

    name: str
    pid: int
    created: float
    stop_signal: int

    @classmethod
    def of(cls, name: str, pid: int, stop_signal: int) -> "Member":
        """Describe a process that runs now."""
        return cls(name, pid, psutil.Process(pid).create_time(), int(stop_signal))

    def process(self) -> psutil.Process | None:
        """Return the process when it is still this one and not dead."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None


def members(layout: Layout) -> list[Member]:
    """Return the processes that the state file names, dead or alive; none when there is no readable file."""
    try:
        return [Member(**entry) for entry in json.loads(layout.state.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def remember(layout: Layout, member: Member) -> None:
    """Add a process to the state file, at once: a start that fails half-way must be stoppable."""
    entries = [asdict(entry) for entry in [*members(layout), member]]
    draft = layout.state.with_suffix(".new")
    draft.write_text(json.dumps(entries, indent=1))
    draft.replace(layout.state)


def start_program(layout: Layout, name: str, command: list[str], env: Mapping[str, str]) -> Member:
    """Start a program in a session of its own, its output in logs/<name>.log.

    It will be stopped by force: our programs have nothing to save, and asked politely they wait for open requests.
    """
    with log_of(layout, name).open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(env),
            start_new_session=True,
        )
    member = Member.of(name, process.pid, signal.SIGKILL)
    remember(layout, member)
    return member


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def log_of(layout: Layout, name: str) -> Path:
    """Return the log file of one program."""
    return layout.logs / f"{name}.log"


def wait_for(layout: Layout, member: Member, ready: Callable[[], bool], seconds: float = 30) -> None:
    """Return when the program is ready; raise RegionError when it ends before or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if member.process() is None:
            break
        if ready():
            return
        time.sleep(0.05)
    log = log_of(layout, member.name)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
    raise RegionError(f"{member.name} did not start; its log {log} ends with:\n{tail}")


def stop_all(layout: Layout) -> list[str]:
    """Stop every process of the region, last started first; return the names of those that had to be stopped."""
    stopped = [member.name for member in reversed(members(layout)) if _stop(member)]
    layout.state.unlink(missing_ok=True)
    return stopped


def _stop(member: Member) -> bool:
    """End a process politely, then by force what is left of its session; tell whether anything ran."""
    family = _session(member)
    leader = member.process()
    if leader is not None:
        with suppress(psutil.NoSuchProcess):
            leader.send_signal(member.stop_signal)
        _wait([leader])
    for survivor in family:
        with suppress(psutil.NoSuchProcess):
            survivor.kill()
    _wait(family)
    return bool(family)


def _wait(processes: list[psutil.Process]) -> None:
    """Wait until these ended. Zombies count as ended: init may take seconds to collect them."""
    deadline = time.monotonic() + _STOP_SECONDS
    while any(_alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _session(member: Member) -> list[psutil.Process]:
    """Return the processes of the session that `member` leads or, if it died, led.

    A number stays taken while its session has members, so they are ours, unless the machine restarted since or the
    number belongs to a newer process: then the session ended before.
    """
    if member.created < psutil.boot_time() or (psutil.pid_exists(member.pid) and member.process() is None):
        return []
    return [process for process in psutil.process_iter() if _session_of(process.pid) == member.pid]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
