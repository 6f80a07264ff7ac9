"""Workers to invoke functions in: as many as run at once, replaced when they die, as Lambda does."""

import os
import queue
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from typing import Any

import psutil

from tests.fault.history import LockUse
from tests.fault.steps import Arm
from tests.fault.worker import FUNCTION_SECONDS, Birth, Order, Reply, work

_LOOK_SECONDS = 0.02

_forks = get_context("forkserver")
_forks.set_forkserver_preload(["tests.fault.zygote"])


class Worker:
    """One process behind a line."""

    def __init__(self, number: int, birth: Birth) -> None:
        """Fork it."""
        self.line, theirs = _forks.Pipe()
        self.process: ForkServerProcess = _forks.Process(target=work, args=(theirs, number, birth), daemon=True)
        self.process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid or 0

    def end(self) -> None:
        """Kill it, whatever it does."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.process.join(5)
        self.process.close()
        self.line.close()


class Crew:
    """Lends its workers to whoever invokes a function. Safe to use from many threads."""

    def __init__(self, size: int, birth: Birth) -> None:
        """Start `size` workers."""
        self._birth = birth
        self._numbers = iter(range(1_000_000))
        self._guard = threading.Lock()
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        self._all: set[Worker] = set()
        self._arms: dict[str, deque[Arm]] = {}
        self.struck: Counter[tuple[str, str]] = Counter()
        """How often each (function, step) was struck."""
        self.deaths = 0
        self._turns: Counter[str] = Counter()
        self.locks: list[LockUse] = []
        for _ in range(size):
            self._hire()

    def arm(self, arm: Arm) -> None:
        """Have the next invocation of the function meet this; when it does not come by the step, the next one does."""
        with self._guard:
            self._arms.setdefault(arm.function, deque()).append(arm)

    def disarm(self) -> None:
        """Forget what has not struck yet."""
        with self._guard:
            self._arms.clear()

    def invoke(self, function: str, event: Mapping[str, Any], seconds: float = FUNCTION_SECONDS) -> Reply | None:
        """Invoke a function; None when no answer came: it died, or its time was over (then it is killed)."""
        worker = self._idle.get()
        arm = self._next_arm(function)
        try:
            worker.line.send(Order(function, event, seconds, arm))
            reply = self._reply(worker, arm, seconds)
        except (EOFError, OSError):
            reply = None
        if reply is None:
            self._replace(worker)
            self._note(arm, struck=True)
            return None
        self._idle.put(worker)
        with self._guard:
            self.locks += reply.locks
        if arm and not arm.freeze_seconds:
            self._note(arm, struck=False)
        return reply

    def kill_one(self, rng: Any) -> None:
        """Kill a worker that is anywhere."""
        with self._guard:
            victims = sorted(self._all, key=lambda worker: worker.pid)
        with suppress(ProcessLookupError, ValueError):
            os.kill(rng.choice(victims).pid, signal.SIGKILL)

    def pids(self) -> list[int]:
        """Give the process ids."""
        with self._guard:
            return [worker.pid for worker in self._all]

    def end(self) -> None:
        """Kill all."""
        with self._guard:
            workers, self._all = self._all, set()
        for worker in workers:
            worker.end()

    def _reply(self, worker: Worker, arm: Arm | None, seconds: float) -> Reply | None:
        if arm and arm.freeze_seconds:
            self._thaw_later(worker, arm, time.monotonic() + seconds)
        if not worker.line.poll(seconds):
            return None
        reply: Reply = worker.line.recv()
        return reply

    def _thaw_later(self, worker: Worker, arm: Arm, deadline: float) -> None:
        """Wait until it answers or has frozen itself; leave a frozen one alone for its time, then thaw it."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(worker.pid)
            while time.monotonic() < deadline and not worker.line.poll(_LOOK_SECONDS):
                if process.status() == psutil.STATUS_STOPPED:
                    time.sleep(arm.freeze_seconds)
                    process.send_signal(signal.SIGCONT)
                    self._note(arm, struck=True)
                    return
        self._note(arm, struck=False)

    def _note(self, arm: Arm | None, *, struck: bool) -> None:
        if arm is None:
            return
        if struck:
            with self._guard:
                self.struck[arm.function, arm.step] += 1
        else:
            self.arm(arm)

    def _next_arm(self, function: str) -> Arm | None:
        with self._guard:
            self._turns[function] += 1
            if self._turns[function] % 2:  # every other invocation goes unharmed, so that work is done in between
                return None
            waiting = self._arms.get(function)
            return waiting.popleft() if waiting else None

    def _replace(self, worker: Worker) -> None:
        with self._guard:
            self.deaths += 1
            known = worker in self._all
            self._all.discard(worker)
        if known:
            worker.end()
            self._hire()

    def _hire(self) -> None:
        with self._guard:
            worker = Worker(next(self._numbers), self._birth)
            self._all.add(worker)
        self._idle.put(worker)


@contextmanager
def crew(size: int, birth: Birth) -> Iterator[Crew]:
    """Run a crew for the time of the `with` block."""
    workers = Crew(size, birth)
    try:
        yield workers
    finally:
        workers.end()
