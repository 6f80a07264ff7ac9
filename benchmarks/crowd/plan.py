"""What a crowd is told to do, and what it tells of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ALLOCATE, RELEASE = "allocate", "release"
GRANTED, RELEASED, UNAVAILABLE = 201, 200, 503
NO_ENVIRONMENT = 0
"""In place of a status: all environments were at work. Lambda would have throttled the request."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a run.

    With `rate`, so many new cycles a second come whether or not those before them are answered; without, `under_way`
    cycles go on at a time, and each that ends makes room for the next.
    """

    name: str
    seconds: float
    rate: float | None = None
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was due, sent and answered (seconds from the start of the run), and what it got."""

    kind: str
    due_at: float
    sent_at: float
    answered_at: float
    status: int
    retry_after_seconds: int | None = None
    first: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """All that came of a run.

    `begun` are the phases' names with when they began, `cycles` how many were completed to the release, `wrong` what
    should not have happened, `heavy_mb` what each of some environments holds for itself.
    """

    answers: Sequence[Answer]
    begun: Sequence[tuple[str, float]]
    ended_at: float
    cycles: int
    wrong: Sequence[str]
    heavy_mb: Sequence[float]


def write_told(told: Told, path: Path) -> None:
    """Keep it in a file."""
    path.write_text(json.dumps(asdict(told)))


def read_told(path: Path) -> Told:
    """Read what `write_told` kept."""
    kept = json.loads(path.read_text())
    answers = [Answer(**answer) for answer in kept.pop("answers")]
    begun = [(name, at) for name, at in kept.pop("begun")]
    return Told(answers=answers, begun=begun, **kept)
