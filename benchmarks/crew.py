"""N processes that start and stop together, each standing for one warm execution environment."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any

from benchmarks.outcome import WrongAnswer

_WARM_UP_SECONDS = 180.0
_LATE_SECONDS = 60.0


class Crew[R]:
    """Warm processes, each behind a line of its own; `R` is what one answers to an order."""

    def __init__(self, lines: list[Connection]) -> None:
        """Wait until all are warm; `ready` is what each said then."""
        self._lines = lines
        self.ready: list[Any] = _replies(lines, _WARM_UP_SECONDS)

    def tell_all(self, order: object, seconds: float) -> list[R]:
        """Give all the same order, which takes them `seconds`; give their answers.

        Raises:
            WrongAnswer: Some process failed, or did not answer in time.
        """
        for line in self._lines:
            line.send(order)
        return _replies(self._lines, seconds + _LATE_SECONDS)


def context() -> ForkServerContext:
    """Give where the processes, and values that they share, are made: forked from one that has only imported."""
    server = get_context("forkserver")
    server.set_forkserver_preload(["benchmarks.preloaded"])
    return server


@contextmanager
def crew(size: int, work: Callable[..., None], *shared: object) -> Iterator[Crew[Any]]:
    """Start `size` processes of `work(line, number, *shared)`, and end them afterwards."""
    lines: list[Connection] = []
    processes = []
    try:
        for number in range(size):
            ours, theirs = context().Pipe()
            arguments = (work, dict(os.environ), theirs, number, *shared)
            process = context().Process(target=_begin, args=arguments, daemon=True)
            process.start()
            theirs.close()
            lines.append(ours)
            processes.append(process)
        yield Crew(lines)
    finally:
        for line in lines:
            line.close()
        for process in processes:
            process.join(5)
            if process.is_alive():
                process.terminate()


def _begin(work: Callable[..., None], environment: Mapping[str, str], *arguments: object) -> None:
    os.environ.clear()  # the server keeps that of its start, which may name the database of another part
    os.environ.update(environment)
    work(*arguments)


def _replies(lines: list[Connection], timeout_seconds: float) -> list[Any]:
    deadline = time.monotonic() + timeout_seconds
    return [_reply(line, deadline - time.monotonic()) for line in lines]


def _reply(line: Connection, timeout_seconds: float) -> Any:
    if not line.poll(max(timeout_seconds, 0)):
        raise WrongAnswer("a worker did not answer in time")
    try:
        reply = line.recv()
    except EOFError as error:
        raise WrongAnswer("a worker died") from error
    if isinstance(reply, str):
        raise WrongAnswer(reply)
    return reply
