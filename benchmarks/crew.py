"""N workers that start and stop together."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.outcome import WrongAnswer
from benchmarks.worker import Lap, Order, work

_WARM_UP_SECONDS = 120.0
_LATE_SECONDS = 60.0
_HEAD_START_SECONDS = 0.2


class Crew:
    """Warm workers, each behind a line of its own."""

    def __init__(self, lines: list[Connection]) -> None:
        """Wait until all are warm."""
        self._lines = lines
        self.warm_up_cycles: int = sum(_replies(lines, _WARM_UP_SECONDS))

    def run(self, seconds: float) -> tuple[list[Lap], float]:
        """Run one round; give the laps, and the seconds from the common start to the last worker's end.

        Raises:
            WrongAnswer: A cycle of some worker failed, or a worker did not answer in time.
        """
        order = Order(time.monotonic() + _HEAD_START_SECONDS, seconds)
        for line in self._lines:
            line.send(order)
        laps: list[Lap] = _replies(self._lines, seconds + _LATE_SECONDS)
        return laps, max(lap.ended_at for lap in laps) - order.start_at


@contextmanager
def crew(size: int) -> Iterator[Crew]:
    """Start `size` workers, and end them afterwards."""
    spawn = get_context("spawn")
    lines: list[Connection] = []
    processes = []
    try:
        for number in range(size):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=work, args=(theirs, number), daemon=True)
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
