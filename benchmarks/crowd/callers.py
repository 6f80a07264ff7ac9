"""Those who ask: an open loop of new cycles, repeated under their key as `Retry-After` says."""

import heapq
import random
import select
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from benchmarks.crowd.environments import Environment
from benchmarks.crowd.plan import (
    ALLOCATE,
    GRANTED,
    NO_ENVIRONMENT,
    RELEASE,
    RELEASED,
    Answer,
    Phase,
)

USERS = 3000
MOST_TRIES = 2
"""Of an allocation while the run lasts; afterwards, and for a release always, until it succeeds."""
SETTLE_SECONDS = 240.0
WARM_SECONDS = 60.0
_WARM_AT_ONCE = 20
_WARM_ANSWERS = 2
"""Of each environment: it connects with the first."""
_MAY_PASS = frozenset({"unavailable", "user_busy", "request_in_progress"})
_LATEST_LOOK_SECONDS = 0.05


@dataclass(slots=True)
class Call:
    """A request that is repeated until it has its answer."""

    kind: str
    user: str
    key: str
    due_at: float
    device: str | None = None
    tries: int = 0
    sent_at: float = 0.0


class Callers:
    """Sends requests to whichever environment has been idle for longest, and never two to one."""

    def __init__(self, environments: Iterable[Environment], seed: int) -> None:
        """Nobody asks yet."""
        self._idle = deque(environments)
        self._poll = select.epoll()
        self._by_line = {environment.fileno(): environment for environment in self._idle}
        for line in self._by_line:
            self._poll.register(line, select.EPOLLIN)
        self._apart: deque[Environment] = deque()
        self._at_work: dict[int, Call] = {}
        self._users = deque(f"user-{number}" for number in range(USERS))
        self._numbers = count()
        self._random = random.Random(seed)
        self._later: list[tuple[float, int, Call]] = []
        self._next: deque[Call] = deque()
        self._given_up: list[Call] = []
        self._under_way = 0
        self._settling = False
        self._started = time.monotonic()
        self.answers: list[Answer] = []
        self.begun: list[tuple[str, float]] = []
        self.cycles = 0
        self.wrong: list[str] = []

    def now(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self._started

    def warm_up(self) -> None:
        """Have each environment answer a few times, some at once."""
        self.begun.append(("warm", self.now()))
        enough = _WARM_ANSWERS * len(self._by_line)
        while len(self.answers) < enough and self.now() < WARM_SECONDS:
            self._fill(_WARM_AT_ONCE + self._under_way - len(self._at_work))
            self._step(self.now() + _LATEST_LOOK_SECONDS)

    def run(self, phase: Phase) -> None:
        """Ask for as long as the phase lasts; what is under way then stays so."""
        begin = self.now()
        self.begun.append((phase.name, begin))
        until, coming = begin + phase.seconds, begin
        while self.now() < until:
            if phase.rate:
                while coming <= self.now():
                    self._begin(coming)
                    coming += self._random.expovariate(phase.rate)
            else:
                self._fill(phase.under_way)
            self._step(coming if phase.rate else until)

    def settle(self) -> None:
        """Repeat all that was given up or waits, until each has its device and has given it back."""
        self._settling = True
        self.begun.append(("settle", self.now()))
        for call in self._given_up:
            self._under_way += 1
            self._put(call, self.now())
        self._given_up = []
        until = self.now() + SETTLE_SECONDS
        while self._under_way and self.now() < until:
            self._step(until)
        if self._under_way:
            self.wrong.append(f"{self._under_way} cycles were not settled after {SETTLE_SECONDS:g} s")

    def _fill(self, under_way: int) -> None:
        while self._under_way < under_way and self._idle and self._users:
            self._begin(self.now())

    def _begin(self, due_at: float) -> None:
        if not self._idle or self._next or not self._users:
            self.answers.append(Answer(ALLOCATE, due_at, due_at, due_at, NO_ENVIRONMENT))
            return
        user, number = self._users.popleft(), next(self._numbers)
        self._under_way += 1
        self._send(Call(ALLOCATE, user, f"cycle-{number}", due_at))

    def _step(self, latest: float) -> None:
        """Wait for an answer or for what is due, until `latest` at most."""
        soon = min(latest, self._later[0][0] if self._later else latest)
        for line, _ in self._poll.poll(min(max(soon - self.now(), 0), _LATEST_LOOK_SECONDS)):
            self._hear(line)
        while self._later and self._later[0][0] <= self.now():
            self._next.append(heapq.heappop(self._later)[2])
        while self._next and self._idle:
            self._send(self._next.popleft())

    def _send(self, call: Call) -> None:
        environment = self._idle.popleft()
        call.sent_at, call.tries = self.now(), call.tries + 1
        environment.ask({"kind": call.kind, "user": call.user, "key": call.key, "device": call.device})
        self._at_work[environment.fileno()] = call

    def _hear(self, line: int) -> None:
        call = self._at_work.pop(line)
        try:
            told = self._by_line[line].answer()
        except EOFError:
            self.wrong.append(f"an environment died of a {call.kind}")
            self._poll.unregister(line)
            self._again(call, self.now())
            return
        self._free(line, refused=told["code"] == "unavailable")
        self.answers.append(
            Answer(
                *(call.kind, call.due_at, call.sent_at, self.now(), told["status"], told["retryAfter"]),
                first=call.tries == 1,
            )
        )
        self._react(call, told)

    def _free(self, line: int, *, refused: bool) -> None:
        """Put an environment back in line; what is settled goes to those that answer, as long as there are any."""
        (self._apart if refused and self._settling else self._idle).append(self._by_line[line])
        if not self._idle and not self._at_work:
            self._idle, self._apart = self._apart, self._idle

    def _react(self, call: Call, told: dict[str, Any]) -> None:
        if told["code"] in _MAY_PASS:
            self._refused(call, told)
        elif (call.kind, told["status"]) == (ALLOCATE, GRANTED):
            self._next.append(Call(RELEASE, call.user, f"{call.key}-end", self.now(), told["device"]))
        elif (call.kind, told["status"]) == (RELEASE, RELEASED):
            self.cycles += 1
            self._end(call)
        else:
            self.wrong.append(f"{call.kind} was answered {told['status']} {told['code']}")
            self._end(call)

    def _refused(self, call: Call, told: dict[str, Any]) -> None:
        if told["retryAfter"] is None:
            self.wrong.append(f"a {call.kind} was refused without Retry-After")
        again_at = self.now() + (told["retryAfter"] or 1)
        if call.kind == ALLOCATE and call.tries >= MOST_TRIES and not self._settling:
            self._given_up.append(call)
            self._under_way -= 1
            return  # its user stays out of the run until it is settled
        self._again(call, again_at)

    def _again(self, call: Call, at: float) -> None:
        call.due_at = at
        self._put(call, at)

    def _put(self, call: Call, at: float) -> None:
        heapq.heappush(self._later, (at, next(self._numbers), call))

    def _end(self, call: Call) -> None:
        self._under_way -= 1
        self._users.append(call.user)
