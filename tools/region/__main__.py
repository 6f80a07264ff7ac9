"""`python -m tools.region up|down|run|status|logs`: the commands behind make up, down, run, status and logs."""

import argparse
import fcntl
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from tools.embedded import ServerError
from tools.region import function_logs, neighbourhood, screen
from tools.region.layout import Layout
from tools.region.processes import RegionError, members
from tools.region.region import Region, running, stop

_POLL_SECONDS = 0.2


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.region", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "run", "status", "logs"])
    command = parser.parse_args().command
    layout = Layout.here()
    return {"up": up, "down": down, "run": run, "status": status, "logs": logs}[command](layout)


def up(layout: Layout) -> int:
    """Start the region in the background, unless it runs."""
    with locked(layout):
        environment = running(layout)
        if environment:
            screen.say("The region is already up.")
            absent = neighbourhood.missing(os.environ, environment)
            if absent:
                screen.say(f"It runs without {', '.join(absent)}: make down first, then start it again with them.")
            screen.welcome(environment, shown(layout), None)
            return 0
        stop(layout)  # what a killed machine or a failed start left behind
        return _start(layout)


def down(layout: Layout) -> int:
    """Stop the region."""
    with locked(layout):
        stopped = stop(layout)
    screen.say(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")
    return 0


def run(layout: Layout) -> int:
    """Start the region, show each request, stop everything at the first Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        code = up(layout)
        if code:
            return code
        screen.say("Requests (Ctrl-C stops everything):\n")
        _follow(layout)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        screen.say("\nStopping …")
        down(layout)
    return 0


def status(layout: Layout) -> int:
    """Say which parts run; the exit code is 0 when the whole region does."""
    for member in members(layout):
        screen.say(f"{member.name:<20} pid {member.pid:<8} {'runs' if member.process() else 'is dead'}")
    environment = running(layout)
    screen.say(f"The API: {environment['API_URL']}" if environment else "The region is not up.")
    return 0 if environment else 1


def logs(layout: Layout) -> int:
    """Print what the functions logged last; GREP chooses lines by a text in them."""
    if not running(layout):
        screen.problem("The region is not up.")
        return 1
    for line in function_logs.newest(layout, os.environ.get("GREP", "")):
        screen.console.out(line, highlight=False)
    return 0


def shown(layout: Layout) -> str:
    """Return the path of the `env` file as one types it."""
    return os.path.relpath(layout.environment)


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Let one command work on the region at a time."""
    with layout.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start(layout: Layout) -> int:
    started = time.monotonic()
    try:
        environment = Region(layout, neighbourhood.wanted(os.environ)).start()
    except (RegionError, ServerError) as problem:
        return _failed(layout, str(problem))
    except Exception as surprise:
        layout.logs.mkdir(exist_ok=True)
        (layout.logs / "start.log").write_text(traceback.format_exc())
        return _failed(layout, f"{type(surprise).__name__}: {surprise}")
    except BaseException:
        stop(layout)
        raise
    screen.welcome(environment, shown(layout), time.monotonic() - started)
    return 0


def _failed(layout: Layout, why: str) -> int:
    stop(layout)
    screen.problem(f"{why}\n\nLogs: {os.path.relpath(layout.logs)}")
    return 1


def _follow(layout: Layout) -> None:
    """Print the request log as it grows, until a process of the region dies."""
    with layout.requests.open() as lines:
        lines.seek(0, os.SEEK_END)
        while True:
            text = lines.read()
            if text:
                screen.console.out(text, end="", highlight=False)
                continue
            dead = [member.name for member in members(layout) if member.process() is None]
            if dead:
                raise SystemExit(f"{', '.join(dead)} died; see {os.path.relpath(layout.logs)}")
            time.sleep(_POLL_SECONDS)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
