"""Where a process is, a thousand times a second: stacks, sorted into parts by the innermost frame that tells."""

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

type Frame = tuple[str, str]
"""File and function."""

INTERVAL_SECONDS = 0.001
OTHER = "other"
_DEEPEST = 64

# The first that fits wins, and the innermost frame with any: json called by a logger is logging, called by Redis Redis.
RULES: Sequence[tuple[str, str, str]] = (
    ("Postgres: wait", "scheduler/adapters/postgres/connection.py", "_wait"),
    ("Postgres: our side", "scheduler/adapters/postgres/", ""),
    ("quota", "scheduler/adapters/redis/quota_cache.py", ""),
    ("quota", "scheduler/domain/quota.py", ""),
    ("quota", "scheduler/service/quota_reading.py", ""),
    ("Redis: wait", "/redis/_parsers/socket.py", "_read_from_socket"),
    ("Redis: our side", "scheduler/adapters/redis/", ""),
    ("Redis: our side", "/redis/", ""),
    ("metrics", "aws_lambda_powertools/metrics/", ""),
    ("metrics", "scheduler/adapters/aws/meter.py", ""),
    ("metrics", "scheduler/edge/lines.py", "add_metric"),
    ("metrics", "scheduler/edge/lines.py", "flush_metrics"),
    ("logging", "aws_lambda_powertools/logging/", ""),
    ("logging", "/logging/__init__.py", ""),
    ("logging", "scheduler/service/decisions.py", ""),
    ("logging", "scheduler/edge/lines.py", ""),
    ("logging", "scheduler/discretion.py", ""),
    ("validation", "/pydantic", ""),
    ("validation", "scheduler/edge/body.py", ""),
    ("validation", "scheduler/edge/schemas/", ""),
    ("edge", "aws_lambda_powertools/", ""),
    ("edge", "scheduler/edge/", ""),
    ("edge", "functions/", ""),
    ("use case", "scheduler/", ""),
)


@dataclass(slots=True)
class Samples:
    """Counts by part, and by innermost function."""

    parts: Counter[str] = field(default_factory=Counter)
    functions: Counter[Frame] = field(default_factory=Counter)


def part_of(stack: Sequence[Frame]) -> str:
    """Sort a stack, innermost frame first, into a part."""
    for file, function in stack:
        for part, path, name in RULES:
            if path in file and name in {"", function}:
                return part
    return OTHER


class Sampler:
    """Looks at this thread's stack at each tick of the real clock, while there is something to sample `into`.

    A tick is noticed when Python runs its next instruction: time in C, such as in select(), counts for who called it.
    """

    def __init__(self) -> None:
        """Begin with nothing to sample into."""
        self.into: Samples | None = None

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Tick for the time of the `with` block."""
        before = signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL_SECONDS, INTERVAL_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _look(self, _: int, frame: FrameType | None) -> None:
        if self.into is not None:
            stack = list(_stack(frame))
            self.into.parts[part_of(stack)] += 1
            self.into.functions[stack[0]] += 1


def _stack(frame: FrameType | None) -> Iterator[Frame]:
    for _ in range(_DEEPEST):
        if frame is None:
            return
        yield frame.f_code.co_filename, frame.f_code.co_name
        frame = frame.f_back
