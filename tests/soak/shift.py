"""One execution environment that serves clients of its own for many laps, and tells how much memory it takes."""

import gc
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from tests.fault.clients import Client, Habits, Log
from tests.fault.history import Operation
from tests.fault.worker import LambdaContext, Reply
from tools.handlers import load_function

CLIENTS = 16


@dataclass(frozen=True, slots=True)
class Lap:
    """What a lap came to: operations, those that failed (5xx, no answer), and memory that is this process's own."""

    operations: int
    failed: int
    own_bytes: int


class Uncounted(list[Operation]):
    """Counts operations and forgets them: a history of a million would be what grows."""

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self.count = self.failed = 0

    def append(self, operation: Operation) -> None:
        """Count one."""
        self.count += 1
        self.failed += operation.status is None or operation.status >= 500


class InProcess:
    """Invokes the functions right here: no other process, no pipe."""

    def invoke(self, function: str, event: Mapping[str, Any], seconds: float = 28.0) -> Reply:
        """Call the handler as Lambda does."""
        try:
            return Reply(load_function(function).handler(event, LambdaContext(seconds)))
        except Exception as error:
            return Reply(None, type(error).__name__)


def serve(orders: Connection, number: int, environment: Mapping[str, str]) -> None:
    """Run laps of as many operations as are ordered, until the line closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    done = Uncounted()
    log = Log(0, operations=done)
    habits = Habits(users=4 * CLIENTS)
    clients = [Client(CLIENTS * number + n, habits, number, InProcess(), log) for n in range(CLIENTS)]
    try:
        while True:
            wanted = orders.recv()
            before, failed = done.count, done.failed
            turn = 0
            while done.count - before < wanted:
                clients[turn % CLIENTS].step()
                turn += 1
            gc.collect()
            own = psutil.Process().memory_full_info().uss
            orders.send(Lap(done.count - before, done.failed - failed, own))
    except EOFError:
        return
