"""What is compared in which world. The worlds are those of docs/simulator.md; none was made for a strategy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tools.simulate.demand import DAY, DemandOptions
from tools.simulate.world import WorldOptions

TURN_DAY = 7
DRIFT_DAYS = 14
LOGGED, TARGET = "logged", "target"


@dataclass(frozen=True, slots=True)
class Trial:
    """A world with its demand, and who meets both. `seeds`: of the full form; `place`: where results are kept."""

    name: str
    about: str
    demand: DemandOptions
    world: WorldOptions
    strategies: Sequence[str]
    seeds: int
    place: str = ""


ROOMY = Trial(
    "roomy",
    "four weeks, 6,000 requests, 150 phones (12 % lent)",
    DemandOptions(6000, 28),
    WorldOptions(150),
    ("fewest_failures", "smart", "oracle", "resource_based"),
    20,
)
OTHERS = replace(
    ROOMY,
    name="others",
    strategies=(
        "fewest_failures",
        "resource_based",
        "random",
        "round_robin",
        "least_used",
        "smart_wrong",
        "smart_wrong_on_trial",
    ),
    seeds=10,
    place="roomy",
)
"""The same runs as far as they are the same."""
USUAL = Trial(
    "usual",
    "a week, 2,000 requests, 45 phones (half of the time lent; every fourth request waits)",
    DemandOptions(2000, 7),
    WorldOptions(45),
    ("fewest_failures", "smart", "oracle", "resource_based"),
    20,
)
FULLNESS = tuple(
    Trial(
        f"{phones} phones",
        f"four weeks, 8,000 requests, {phones} phones",
        DemandOptions(8000, 28),
        WorldOptions(phones),
        ("fewest_failures", "smart", "oracle"),
        20,
    )
    for phones in (240, 180, 120, 90, 60, 45)
)
"""The same users, and fewer and fewer phones for them: the first phones of two fleets are the same."""
BOOKED = Trial(
    "booked",
    "four weeks, 6,000 requests, every fifth books ahead, 120 phones",
    DemandOptions(6000, 28, reservations=0.2),
    WorldOptions(120),
    ("fewest_failures", "smart", "oracle", "resource_based"),
    10,
)
NULL = Trial(
    "null",
    "a week, 1,500 requests, 150 phones, all alike",
    DemandOptions(1500, 7),
    WorldOptions(150, is_null=True),
    ("fewest_failures", "smart", "oracle", "random"),
    10,
)
DRIFT = Trial(
    "drift",
    f"two weeks, 3,000 requests, 150 phones; after {TURN_DAY} days one good host of eight turns bad",
    DemandOptions(3000, DRIFT_DAYS),
    WorldOptions(150, turns_bad_at=TURN_DAY * DAY),
    ("fewest_failures", "smart", "oracle", "resource_based"),
    10,
)
OFF_POLICY = Trial(
    "off-policy",
    "two weeks, 3,000 requests, 150 phones; one of the eight best by resource_based at random",
    DemandOptions(3000, 14),
    WorldOptions(150),
    (LOGGED, TARGET),
    10,
)
TRIALS = (ROOMY, OFF_POLICY, OTHERS, DRIFT, NULL, USUAL, BOOKED, *FULLNESS)
