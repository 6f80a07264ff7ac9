"""How often somebody may ask: the turn of one request, begun at the edge and taken where Redis is asked anyway."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from scheduler.scoped import Scoped


class Pace(StrEnum):
    """What kind of request it is; each has a window of its own."""

    WRITE = "write"
    QUERY = "query"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Requests a minute; 0: any number. `tiers`: by what the limits of a plan's users are multiplied; else by 1."""

    by_pace: Mapping[Pace, int]
    service: int
    tiers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one window says: its name and limit, how many more fit, and in how many seconds further ones will."""

    window: str
    limit: int
    left: int
    seconds: int
    allowed: bool


@dataclass(slots=True)
class Turn:
    """One request, and what came of it: no verdicts although taken means that nobody could tell."""

    pace: Pace
    tenant_id: str
    user_id: str
    """Who is acted for, else the caller."""
    by_service: bool
    """Whether it counts in the total of the tenant's services."""
    weight: int = 1
    """As how many it counts there."""
    taken: bool = False
    verdicts: Sequence[Verdict] = ()


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


def begin_turn(turn: Turn) -> None:
    """Make it the turn of this request, until the `one_turn` around it ends."""
    _turn.set(turn)


def current_turn() -> Turn | None:
    """Give the turn of this request; None: it is not limited."""
    return _turn.get()


def open_turn() -> Turn | None:
    """Give the turn of this request unless it was taken."""
    turn = _turn.get()
    return None if turn is None or turn.taken else turn


def one_turn() -> Scoped[Turn | None]:
    """Begin without a turn, and forget at the end whatever was begun within."""
    return Scoped(_turn, None)
