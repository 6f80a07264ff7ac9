"""The learned strategy in simulated days: the production scoring, fed with what ends and asked within each claim."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

from scheduler.domain.model import User
from scheduler.domain.placement import Appraisal, Asked, Head, Standing, appraise, best, explores, failure_chance
from scheduler.domain.placement_document import read_model
from scheduler.domain.placement_model import PlacementModel, Strengths
from scheduler.domain.placement_record import UNSEEN, Record, Session, fold
from scheduler.domain.placement_trust import WATCHED, Doubt, doubt, watched
from scheduler.domain.queue import Tier
from tools.simulate.history import Ended, Few
from tools.simulate.world import LOAD_SECONDS, Phone, World

MODEL = Path(__file__).parents[1] / "train" / "model.json"
"""Trained on simulated history of seeds that no evaluation uses; see docs/placement.md."""
LOOKS_EVERY = 25
"""Sessions, at the model's calibration."""
NEVER = 1e6

type Fallback = Callable[[Phone], float]


@cache
def trained() -> PlacementModel:
    """Read the model that `make train` wrote.

    Raises:
        ModelError: It is none.
    """
    return read_model(MODEL.read_bytes(), datetime.max.replace(tzinfo=UTC))


def wrong() -> PlacementModel:
    """Give a model that is wrong on purpose: it takes the worst phones for the best, and never learns otherwise."""
    model = trained()
    return replace(
        model,
        name="wrong on purpose",
        kinds={kind: 1 / rate for kind, rate in model.kinds.items()},
        load=[-part for part in model.load],
        strengths=Strengths(NEVER, NEVER, NEVER, NEVER),
    )


class Smart:
    """Scores phones by the model, and falls back to resource_based when failures do not come as it says.

    `is_followed` False: a model on trial, which only watches until it has seen enough.
    """

    def __init__(
        self, world: World, seed: int, model: PlacementModel, fallback: Fallback, *, is_followed: bool = True
    ) -> None:
        """Start with records of nothing; `fallback` scores a phone without the model."""
        self._fallback = fallback
        self.model = model
        self.doubt: Doubt | None = None
        self.is_followed, self.is_watched = is_followed, True
        self._world, self._draw = world, Random(f"{seed} smart")
        self._records: defaultdict[str, Record] = defaultdict(lambda: UNSEEN)
        self._appraised: dict[str, Appraisal] = {}
        self._plans: Mapping[User, str] = {}
        self._last_user: dict[str, User] = {}
        self._last_hours: dict[tuple[str, str], tuple[float, ...]] = {}
        self._fleet = Counter(phone.cpu_cores for phone in world.phones.values())
        self._lent: Counter[int] = Counter()
        self._taken: dict[int, float] = {}
        self._taken_at = -1
        self._chances: dict[str, float] = {}
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=WATCHED)
        self._ended = 0

    def score(self, phone: Phone, at: float) -> float:
        """Appraise a phone anew."""
        self._count_taken(at)
        host, kind = _host(phone.host.number), _kind(phone.model)
        records = self._records
        standing = Standing(
            own=records[phone.id],
            host=records[host],
            of_kind=records[kind],
            kind=phone.model,
            load=phone.cpu_usage / 100,
            cpu_cores=phone.cpu_cores,
            taken=self._taken.get(phone.cpu_cores, 0.0),
        )
        appraisal = self._appraised[phone.id] = appraise(self.model, standing, at, self._draw)
        if self.is_followed and not self.doubt:
            return appraisal.score
        return self._fallback(phone)

    def meet(self, plans: Mapping[User, str]) -> None:
        """Know each user's plan."""
        self._plans = plans

    def prefer(self, user: User, minutes: int, few: Few, at: float) -> str:  # noqa: ARG002
        """Weigh them for her, as the claim does."""
        if self.doubt or not self.is_followed:
            return next(iter(few))
        tier = Tier(self._plans.get(user, Tier.FREE))
        exploring = explores(self.model, tier, is_reservation=False, uniform=self._draw.random())
        asked = Asked(self._hours(user, minutes), exploring)
        return best(self.model, [self._head(device, user, gap) for device, gap in few.items()], asked).device_id

    def lend(self, phone: Phone, user: User, minutes: int, at: float) -> None:  # noqa: ARG002
        """Note what was expected."""
        self._lent[phone.cpu_cores] += 1
        self._last_user[phone.id] = user
        self._chances[phone.id] = self.chance(phone.id, user, minutes)

    def chance(self, device: str, user: User, minutes: int) -> float:
        """Tell how likely she is to be failed."""
        return failure_chance(self._appraised[device].hazard, self._hours(user, minutes))

    def end(self, ended: Ended) -> None:
        """Learn from it, and see whether failures come as expected."""
        phone = self._world.phones[ended.device]
        self._lent[phone.cpu_cores] -= 1
        session = Session(ended.at, ended.hours, ended.failed, ended.kind, ended.load, ended.start_seconds)
        worn = self._records[ended.device].used_hours
        for name in (ended.device, _host(phone.host.number), _kind(phone.model)):
            self._records[name] = fold(self.model, self._records[name], session, worn)
        user = ended.tenant, ended.user
        self._last_hours[user] = (*self._last_hours.get(user, ())[-1:], ended.hours)
        self._watch(self._chances.pop(ended.device), failed=ended.failed)

    def _watch(self, chance: float, *, failed: bool) -> None:
        self._outcomes.append((chance, failed))
        self._ended += 1
        if self.is_watched and self._ended % LOOKS_EVERY == 0 and not self.doubt:
            self.doubt = doubt(self.model, watched(list(self._outcomes)), self.model.trained_at)
            self.is_followed = self.is_followed or self._ended >= WATCHED // 2

    def _head(self, device: str, user: User, gap: float | None) -> Head:
        appraisal = self._appraised[device]
        was_hers = self._last_user.get(device) == user
        return Head(device, appraisal.hazard, appraisal.drawn, appraisal.costs, was_hers, gap)

    def _hours(self, user: User, minutes: int) -> float:
        last = self._last_hours.get((user.tenant_id, user.user_id), ())
        return self.model.expected_hours(user.tenant_id, minutes, last)

    def _count_taken(self, at: float) -> None:
        slot = int(at / LOAD_SECONDS)
        if slot != self._taken_at:
            self._taken_at = slot
            self._taken = {cores: self._lent[cores] / count for cores, count in self._fleet.items()}


def _host(number: int) -> str:
    return f"host {number}"


def _kind(model: str) -> str:
    return f"model {model}"
