"""Warm execution environments as processes: `python -m tests.proxy.clients <clients> <cycles>`.

All connect; when a line comes in, all work at the same time: lend a device, look at it and at lists, sweep, give it
back. A retryable answer is repeated under its key, as callers do. They end after so many cycles, or after the one
they are in when a second line comes in. At the end it prints how often each status came.
"""

import json
import os
import select
import sys
import threading
import time
from collections import Counter

from scheduler.runtime import connection as wiring
from tests.support.api import SERVICE, Answer, Api
from tests.support.roles import ByRole
from tools.handlers import load_function

MOST_TRIES = 40
PAUSE_SECONDS = 0.1
FUNCTIONS = ("allocate", "release", "query", "expire")


def until_answered(ask, seen: Counter[str]) -> Answer:
    """Ask, and again while the answer says that this may help."""
    for _ in range(MOST_TRIES):
        answer = ask()
        seen[str(answer.status)] += 1
        if answer.status != 503:
            return answer
        time.sleep(PAUSE_SECONDS)
    raise AssertionError("it stays unavailable")


def cycle(api: Api, user: str, number: int, seen: Counter[str]) -> None:
    """Lend, look, give back."""
    key = f"{user}-{number}"
    grant = until_answered(lambda: api.allocate(userId=user, key=key), seen).data
    until_answered(lambda: api.get(f"/scheduler/allocations/{grant['allocationId']}", SERVICE), seen)
    until_answered(lambda: api.get("/scheduler/devices/available", SERVICE, limit=5), seen)
    until_answered(lambda: api.post("/scheduler/allocations/release-expired", SERVICE), seen)
    until_answered(lambda: api.release(grant["deviceId"], userId=user, key=f"{key}-end"), seen)


def ended(pipe: int) -> bool:
    """Whether the other end of a pipe, on which nothing is written, is closed."""
    return bool(select.select([pipe], [], [], 0)[0])


def client(user: str, cycles: int, start: int, enough: int, result: int) -> None:
    """Run in a process of its own: connect, wait for the start, work, write the counts to a file descriptor."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    seen: Counter[str] = Counter()
    try:
        Api().get("/scheduler/devices/available", SERVICE, limit=5)
        os.read(start, 1)
        for number in range(cycles):
            if ended(enough):
                break
            cycle(Api(), user, number, seen)
    except Exception as error:
        seen[f"{type(error).__name__} {str(error)[:200]}"] += 1
    os.write(result, json.dumps(seen).encode())
    os._exit(0)


def close_when_told(pipe: int) -> None:
    """Close it when another line comes in; an end of the input is none."""
    if sys.stdin.readline():
        os.close(pipe)


def main(clients: int, cycles: int) -> Counter[str]:
    """Start all, wait for all, add up."""
    wiring.Database = ByRole  # type: ignore[misc]  each function as its role, as in its own process
    for name in FUNCTIONS:
        load_function(name)  # once, before they part
    start, starting = os.pipe()
    enough, ending = os.pipe()
    pipes = []
    for number in range(clients):
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.close(starting)
            os.close(ending)
            client(f"user-{number}", cycles, start, enough, writing)
        os.close(writing)
        pipes.append(reading)
    sys.stdin.readline()
    os.close(starting)
    threading.Thread(target=close_when_told, args=(ending,), daemon=True).start()
    total: Counter[str] = Counter()
    for reading in pipes:
        with os.fdopen(reading, "rb") as result:
            total.update(json.loads(result.read()))
    return total


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
