"""Who comes when, wants what, and how she behaves: drawn from a seed, independent of what the scheduler does."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from scheduler.domain.model import DeviceWants, User
from tools.simulate.figures import percentile

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
TENANTS = {"acme": 50, "globex": 30, "initech": 20}
PLANS = {"free": 40, "basic": 30, "pro": 20, "enterprise": 10}
MINUTES = {30: 15, 60: 30, 120: 25, 240: 20, 480: 10}
CORES = {None: 60, 4: 15, 8: 15, 16: 10}
EARLY, RENEWING, IMPATIENT = 0.4, 0.08, 0.05
"""How many give back before the end, ask for more shortly before it, and leave the line by themselves."""
RENEWED_MINUTES = 30
REQUESTS_A_USER_AND_DAY = 0.4
LEAD_HOURS = {1: 25, 4: 35, 24: 30, 72: 10}
"""How long ahead is booked, and how many of a hundred do; each between half of it and half as much again."""
CANCELLING, ABSENT = 0.1, 0.05
"""How many of those who book cancel at some time before the start, and do not come."""
LATEST_SECONDS = 480.0
"""After the start, within which the others come."""
COMES_AGAIN = 2
"""So often a user whose phone failed asks for another one, for the rest of her time."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """How a wish is booked."""

    lead_seconds: float
    """From the booking to the start of the window."""
    cancels_after: float | None = None
    """Seconds after the booking."""
    comes_after: float | None = 0.0
    """Seconds after the start of the window; None: she does not come."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One wish, and what its user will do. Times in seconds after the start."""

    at: float
    user: User
    plan: str
    minutes: int
    wants: DeviceWants
    luck: float
    """How much failing she can take: her phone fails when its rate times her hours reaches this (exponential)."""
    use_seconds: float
    """After which she gives it back; not before the end when that comes first."""
    renew_minutes: int = 0
    max_wait_minutes: int = 120
    leaves_after: float | None = None
    """Seconds in the line after which she gives up."""
    comes_again: int = COMES_AGAIN
    ahead: Ahead | None = None
    """None: she wants the phone now."""

    @property
    def wanted_at(self) -> float:
        """When she wants to begin."""
        return self.at + (self.ahead.lead_seconds if self.ahead else 0.0)

    def again(self, at: float, used_seconds: float, draw: Random) -> "Arrival":
        """Give her next wish, after a failure."""
        rest = max(self.use_seconds - used_seconds, MINUTE)
        return replace(
            self,
            at=at,
            minutes=max(math.ceil(self.minutes - used_seconds / MINUTE), 1),
            use_seconds=rest,
            luck=draw.expovariate(1),
            comes_again=self.comes_again - 1,
            ahead=None,
        )


@dataclass(frozen=True, slots=True)
class DemandOptions:
    """How many come in how many days, and in which pattern; `users` None: so many that each comes now and then.

    `reservations`: the share that books, 0 to 1.
    """

    requests: int
    days: float
    pattern: str = "diurnal"
    users: int | None = None
    reservations: float = 0.0


type Rate = Callable[[float], float]
"""How busy it is at a time, relative; at most `MOST`."""
MOST = 6.0


def _diurnal(at: float) -> float:
    weekend = 0.6 if int(at / DAY) % 7 >= 5 else 1.0
    return weekend * (1 + 0.9 * math.cos(2 * math.pi * (at / DAY - 15 / 24)))


def _bursty(at: float) -> float:
    """Twenty minutes of every third hour are six times as busy as the others."""
    return MOST if at % (3 * HOUR) < 20 * MINUTE else 1.0


def _flash(at: float) -> float:
    """At 20:00 everybody comes at once, for half an hour."""
    return MOST if 20 * HOUR <= at % DAY < 20.5 * HOUR else 0.5 * _diurnal(at)


PATTERNS: Mapping[str, Rate] = {"diurnal": _diurnal, "bursty": _bursty, "flash": _flash, "steady": lambda _: 1.0}


def arrivals(options: DemandOptions, seed: int) -> Sequence[Arrival]:
    """Draw about as many arrivals as asked, in their order."""
    draw, rate = Random(f"{seed} demand"), PATTERNS[options.pattern]
    span = options.days * DAY
    steps = 1000
    mean = sum(rate(span * (step + 0.5) / steps) for step in range(steps)) / steps
    users = options.users or max(20, round(options.requests / options.days / REQUESTS_A_USER_AND_DAY))
    wishes = [_arrival(draw, at, users) for at in _times(draw, rate, options.requests / span / mean, span)]
    return _some_booked(wishes, options.reservations, seed) if options.reservations else wishes


def plans(wishes: Sequence[Arrival]) -> Mapping[User, str]:
    """Give each user's plan."""
    return {wish.user: wish.plan for wish in wishes}


def user(draw: Random, users: int) -> tuple[User, str]:
    """Draw a user of so many, with her plan: always the same one."""
    return _known(draw.randrange(users))


@cache
def _known(number: int) -> tuple[User, str]:
    fate = Random(number)
    tenant = fate.choices(list(TENANTS), list(TENANTS.values()))[0]
    return User(tenant, f"user-{number}"), fate.choices(list(PLANS), list(PLANS.values()))[0]


def devices_for(wishes: Sequence[Arrival], share: float = 0.75) -> int:
    """Say how many devices suffice at a share of the arrivals, were everybody served at once."""
    busy: list[tuple[float, int]] = []
    for wish in wishes:
        busy += [(wish.wanted_at, 1), (wish.wanted_at + min(wish.use_seconds, wish.minutes * MINUTE), -1)]
    level, levels = 0, list[float]()
    for _, step in sorted(busy):
        level += step
        if step > 0:
            levels.append(level)
    return max(math.ceil(percentile(levels, share)), 1)


def _times(draw: Random, rate: Rate, per_second: float, span: float) -> Iterator[float]:
    most, at = per_second * MOST, 0.0
    while (at := at + draw.expovariate(most)) < span:
        if draw.random() < rate(at) / MOST:
            yield at


def _arrival(draw: Random, at: float, users: int) -> Arrival:
    minutes = draw.choices(list(MINUTES), list(MINUTES.values()))[0]
    early, renews = draw.random() < EARLY, draw.random() < RENEWING
    who, plan = user(draw, users)
    return Arrival(
        at=at,
        user=who,
        plan=plan,
        minutes=minutes,
        wants=DeviceWants(min_cpu=draw.choices(list(CORES), list(CORES.values()))[0]),
        luck=draw.expovariate(1),
        use_seconds=(draw.uniform(0.05, 1) if early else 2.0) * minutes * MINUTE,
        renew_minutes=RENEWED_MINUTES if renews and not early else 0,
        max_wait_minutes=draw.choice((60, 120, 120, 120)),
        leaves_after=draw.expovariate(1 / (HOUR / 2)) if draw.random() < IMPATIENT else None,
    )


def _some_booked(wishes: Sequence[Arrival], share: float, seed: int) -> Sequence[Arrival]:
    """Have a share of the wishes booked. All are drawn for: who books at a small share does so at a large one too."""
    draw = Random(f"{seed} bookings")
    both = ((wish, _booked(draw, wish)) for wish in wishes)
    return [booked if draw.random() < share else wish for wish, booked in both]


def _booked(draw: Random, wish: Arrival) -> Arrival:
    """An absent one neither fails nor gives back."""
    lead = draw.choices(list(LEAD_HOURS), list(LEAD_HOURS.values()))[0] * HOUR * draw.uniform(0.5, 1.5)
    cancels, when, absent, late = (draw.random() for _ in range(4))
    ahead = Ahead(
        lead_seconds=lead,
        cancels_after=when * lead if cancels < CANCELLING else None,
        comes_after=None if absent < ABSENT else late * min(LATEST_SECONDS, wish.use_seconds),
    )
    if ahead.comes_after is None:
        return replace(wish, ahead=ahead, luck=math.inf, use_seconds=math.inf, renew_minutes=0)
    return replace(wish, ahead=ahead)
