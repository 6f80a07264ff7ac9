"""Warm execution environments: forked from a process in which all is imported and nothing connected."""

import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil

from benchmarks.crowd.plan import ALLOCATE, RELEASE
from benchmarks.requests import ALLOCATE as ALLOCATE_PATH
from benchmarks.requests import RELEASE as RELEASE_PATH
from benchmarks.requests import Context, allocate_body, post, release_body

_MOST_BYTES = 65_536
_FILES_BESIDE = 200
_WARM_CYCLES = 3


class Environment:
    """One process that answers one request at a time, over a connection of its own."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        """Keep our end of its line."""
        self.line = line
        self.pid = pid

    def fileno(self) -> int:
        """For `select`."""
        return self.line.fileno()

    def ask(self, request: Mapping[str, Any]) -> None:
        """Hand it a request: kind, user, key, and the device of a release."""
        self.line.send(json.dumps(request).encode())

    def answer(self) -> dict[str, Any]:
        """Take its answer.

        Raises:
            EOFError: The process has ended.
        """
        received = self.line.recv(_MOST_BYTES)
        if not received:
            raise EOFError
        answer: dict[str, Any] = json.loads(received)
        return answer

    def own_mb(self) -> float:
        """Give the memory that it shares with no other, in MB."""
        return float(psutil.Process(self.pid).memory_full_info().uss) / 2**20


def fork_environments(size: int) -> tuple[list[Environment], int]:
    """Import all and run it once, then fork so many; also gives how many cycles that took.

    What they log goes to the null device, as do their metrics.
    """
    _raise_file_limit(size + _FILES_BESIDE)
    handlers = _handlers()
    with _silence():
        cycles = _warm_up(handlers)
    gc.collect()
    gc.freeze()  # so that collections in the children do not copy every page
    environments: list[Environment] = []
    for _ in range(size):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            for other in (ours, *(environment.line for environment in environments)):
                other.close()
            _serve(theirs, handlers)
        theirs.close()
        environments.append(Environment(ours, pid))
    return environments, cycles


def end_environments(environments: list[Environment]) -> list[str]:
    """Hang up on them and wait; name those that did not end well."""
    for environment in environments:
        environment.line.close()
    ended = [os.waitpid(environment.pid, 0)[1] for environment in environments]
    return [f"an environment ended with {os.waitstatus_to_exitcode(code)}" for code in ended if code]


def _handlers() -> dict[str, Any]:
    from tools.handlers import load_function

    return {name: load_function(name).handler for name in (ALLOCATE, RELEASE)}


@contextmanager
def _silence() -> Iterator[None]:
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _warm_up(handlers: Mapping[str, Any]) -> int:
    """Build what the first request builds, and hang up: no two processes may share a connection."""
    from scheduler.runtime.snapshots import before_snapshot

    for number in range(_WARM_CYCLES):
        ask = {"kind": ALLOCATE, "user": "first", "key": f"first-{number}"}
        granted = _invoke(handlers, ask)
        _invoke(handlers, ask | {"kind": RELEASE, "key": f"first-{number}-end", "device": granted["device"]})
    before_snapshot()
    return _WARM_CYCLES


def _part_from_the_others() -> None:
    from scheduler.runtime.snapshots import after_restore

    after_restore()


def _serve(line: socket.socket, handlers: Mapping[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = 1
    _part_from_the_others()
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        while received := line.recv(_MOST_BYTES):
            line.send(json.dumps(_invoke(handlers, json.loads(received))).encode())
        code = 0
    except (BrokenPipeError, ConnectionResetError):  # nobody waits for the answer any more
        code = 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(code)


def _invoke(handlers: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    user = request["user"]
    event = (
        post(ALLOCATE_PATH, allocate_body(user))
        if request["kind"] == ALLOCATE
        else post(RELEASE_PATH, release_body(user, request["device"]))
    )
    event["headers"]["idempotency-key"] = request["key"]
    answer = handlers[request["kind"]](event, Context())
    body = json.loads(answer["body"])
    after = {name.lower(): text for name, text in answer["headers"].items()}.get("retry-after")
    return {
        "status": answer["statusCode"],
        "retryAfter": None if after is None else int(after),
        "device": (body.get("data") or {}).get("deviceId"),
        "code": body.get("code"),
    }


def _raise_file_limit(files: int) -> None:
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, most), most))
