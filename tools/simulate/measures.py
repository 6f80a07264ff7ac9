"""What a run comes to: counted while it is played, summed up at its end."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from scheduler.domain.queue import Tier
from tools.simulate.demand import HOUR
from tools.simulate.figures import gini, percentile
from tools.simulate.world import World

CORE_HOUR = 0.01
"""What a core of a phone costs an hour, lent or not."""
FAILURE = 0.20
"""What a failure that a user meets costs: a credit, and a wiped phone."""
SHARES = (50, 90, 99)
ALL = "all"


class Promises:
    """Counts reservations by what became of them, and by tier."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.counts: Counter[tuple[str, str]] = Counter()

    def count(self, what: str, tier: str) -> None:
        """Count one: asked, found nothing or refused; booked; cancelled, failed, expired or begun; moved, unclaimed."""
        self.counts[what, tier] += 1
        self.counts[what, ALL] += 1

    def result(self) -> Mapping[str, float]:
        """Sum up, as shares of 1. Where nothing was promised, no promise was broken."""
        tiers = map(str, Tier)
        return {
            "reservations asked": self.counts["asked", ALL],
            "reservations kept": self._kept(ALL),
            "reservations moved": self._share("moved", "begun"),
            "reservations without a phone": self._share("found nothing", "asked"),
            "reservations refused": self._share("refused", "asked"),
            "reservations cancelled": self._share("cancelled", "booked"),
            "reservations failed": self._share("failed", "booked"),
            "reservations expired": self._share("expired", "booked"),
            "reservations unclaimed": self._share("unclaimed", "begun"),
            **{f"reservations kept {tier}": self._kept(tier) for tier in tiers},
        }

    def _kept(self, tier: str) -> float:
        due = self.counts["booked", tier] - self.counts["cancelled", tier]
        return self.counts["begun", tier] / due if due else 1.0

    def _share(self, what: str, of: str) -> float:
        return self.counts[what, ALL] / max(self.counts[of, ALL], 1)


class Measures:
    """Counts one run."""

    def __init__(self, world: World, seconds: float) -> None:
        """Watch a world for so many seconds; what is lent after them counts as use, not as utilisation."""
        self._world = world
        self._seconds = seconds
        self.counts: Counter[str] = Counter()
        self.promises = Promises()
        self._waits: dict[str, list[float]] = defaultdict(list)
        self._starts: list[float] = []
        self._lent_seconds = 0.0
        self._out = 0

    def find_nothing(self) -> None:
        """Count a request for which nothing that fits was free; whether anything else was."""
        self.counts["found nothing"] += 1
        self.counts["found nothing although some were free"] += self._out < len(self._world.phones)

    def lend(self, tier: str, waited_seconds: float | None, start_seconds: float) -> None:
        """Count a grant; None: it was reserved, and waited for by nobody."""
        self._out += 1
        self._starts.append(start_seconds)
        if waited_seconds is not None:
            self.counts["lent"] += 1
            self._waits[tier].append(waited_seconds)
            self._waits[ALL].append(waited_seconds)

    def take_back(self, lent_at: float, seconds: float) -> None:
        """Count an end."""
        self._out -= 1
        self._lent_seconds += max(min(seconds, self._seconds - lent_at), 0.0)

    def break_down(self, *, is_over: bool) -> None:
        """Count a phone out while it is repaired."""
        self._out += -1 if is_over else 1

    def result(self) -> Mapping[str, float]:
        """Sum up; shares are of 1, times in seconds, money in the unit of the prices."""
        counts, phones = self.counts, list(self._world.phones.values())
        hours = self._seconds / HOUR
        asked = max(counts["asked"], 1)
        used_hours = max(sum(phone.used_seconds for phone in phones) / HOUR, 1e-9)
        spent = hours * CORE_HOUR * sum(phone.cpu_cores for phone in phones) + FAILURE * counts["failures"]
        return {
            "success rate": counts["lent"] / asked,
            "lent at once": counts["lent at once"] / asked,
            "refused by quota": counts["quota_exceeded"] / asked,
            "failures per 1000 sessions": 1000 * counts["failures"] / max(len(self._starts), 1),
            "utilisation": self._lent_seconds / (self._seconds * len(phones)),
            "wear (Gini)": gini([phone.used_seconds for phone in phones]),
            "fragmentation": counts["found nothing although some were free"] / asked,
            "cost per used hour": spent / used_hours,
            **{f"start p{share}": percentile(self._starts or [0.0], share / 100) for share in SHARES},
            **self._waited(),
            **self.promises.result(),
        }

    def _waited(self) -> Mapping[str, float]:
        tiers = [ALL, *map(str, Tier)]
        return {
            f"wait p{share} {tier}": percentile(sorted(self._waits[tier]) or [0.0], share / 100)
            for tier in tiers
            for share in SHARES
        }
