"""One execution environment as a process: the real handlers, one invocation at a time, as Lambda runs them."""

import functools
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from scheduler.adapters.redis import gate
from tests.fault.history import LockUse
from tests.fault.steps import LAST_STEP, Arm, Tripwire, instrument
from tools.handlers import load_function

FUNCTION_SECONDS = 28.0
"""As the template says for the functions behind the API."""


@dataclass(frozen=True, slots=True)
class Order:
    """One invocation."""

    function: str
    event: Mapping[str, Any]
    seconds: float
    arm: Arm | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the handler returned, or the name of what it raised; and the locks that it held."""

    answer: Any
    error: str | None = None
    locks: list[LockUse] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Birth:
    """How a worker comes to life: its environment, and what is changed in it before it works (named by import path)."""

    environment: Mapping[str, str]
    changes: tuple[Callable[[], None], ...] = ()


class LambdaContext:
    """What a function is told of its invocation."""

    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:function"
    aws_request_id = "request"

    def __init__(self, seconds: float) -> None:
        """End in so many seconds."""
        self._ends_at = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        """Tell how long the function may still run."""
        return max(int(1000 * (self._ends_at - time.monotonic())), 0)


def work(orders: Connection, number: int, birth: Birth) -> None:
    """Run what is ordered until the line closes. Logs go where LOG_FILE says, or nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(birth.environment)
    out = os.open(os.environ.get("LOG_FILE", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    wire, locks = Tripwire(), LockLog(number)
    locks.install()
    instrument(wire)
    for change in birth.changes:
        change()
    while True:
        try:
            order: Order = orders.recv()
            orders.send(_carry_out(order, wire, locks))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _carry_out(order: Order, wire: Tripwire, locks: "LockLog") -> Reply:
    wire.arm = order.arm
    try:
        answer = load_function(order.function).handler(order.event, LambdaContext(order.seconds))
    except Exception as error:
        return Reply(None, type(error).__name__, locks.take())
    wire.reach(LAST_STEP)
    wire.arm = None
    return Reply(answer, None, locks.take())


class LockLog:
    """Notes the Redis locks this worker had: stamped after they were surely had, and before they are given back."""

    def __init__(self, worker: int) -> None:
        """Write for one worker."""
        self._worker = worker
        self._held: dict[str, tuple[str, int, int]] = {}
        self._uses: list[LockUse] = []

    def install(self) -> None:
        """Watch the gate of this process."""
        wait_for, attempt = gate.RedisGate.wait_for, gate.RedisLink.attempt
        leave = gate._leave
        answered, asked = [True], [0]

        def attempting(link: Any, command: Any, default: Any) -> Any:
            asked[0] = time.monotonic_ns()
            result = attempt(link, command, default)
            answered[0] = result is not default
            return result

        @functools.wraps(wait_for)
        def waiting(own: Any, line: Any, token: str) -> Any:
            result = wait_for(own, line, token)
            if answered[0]:  # went on without Redis otherwise: no lock was had
                self._held[line.lock] = (token, time.monotonic_ns(), asked[0])
            return result

        @functools.wraps(leave)
        def leaving(client: Any, key: str, token: str, **options: Any) -> None:
            held = self._held.pop(key, None)
            if held is not None:
                self._note(key, held, time.monotonic_ns())
            leave(client, key, token, **options)

        gate.RedisLink.attempt = attempting  # type: ignore[method-assign]
        gate.RedisGate.wait_for = waiting  # type: ignore[method-assign]
        gate._leave = leaving

    def take(self) -> list[LockUse]:
        """Give what was noted since, and forget it."""
        for key, held in self._held.items():  # left without Redis: it runs out by itself
            self._note(key, held, None)
        self._held.clear()
        taken_uses, self._uses = self._uses, []
        return taken_uses

    def _note(self, key: str, held: tuple[str, int, int], left_ns: int | None) -> None:
        token, taken_ns, asked_ns = held
        self._uses.append(LockUse(key, token, self._worker, taken_ns, left_ns, gate.LOCK_TTL_MS, asked_ns))
