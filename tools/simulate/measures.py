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


class Measures:
    """Counts one run."""

    def __init__(self, world: World, seconds: float) -> None:
        """Watch a world for so many seconds; what is lent after them counts as use, not as utilisation."""
        self._world = world
        self._seconds = seconds
        self.counts: Counter[str] = Counter()
        self._waits: dict[str, list[float]] = defaultdict(list)
        self._starts: list[float] = []
        self._lent_seconds = 0.0
        self._out = 0

    def find_nothing(self) -> None:
        """Count a request for which nothing that fits was free; whether anything else was."""
        self.counts["found nothing"] += 1
        self.counts["found nothing although some were free"] += self._out < len(self._world.phones)

    def lend(self, tier: str, waited_seconds: float, start_seconds: float) -> None:
        """Count a grant."""
        self.counts["lent"] += 1
        self._out += 1
        self._waits[tier].append(waited_seconds)
        self._waits[ALL].append(waited_seconds)
        self._starts.append(start_seconds)

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
            "failures per 1000 sessions": 1000 * counts["failures"] / max(counts["lent"], 1),
            "utilisation": self._lent_seconds / (self._seconds * len(phones)),
            "wear (Gini)": gini([phone.used_seconds for phone in phones]),
            "fragmentation": counts["found nothing although some were free"] / asked,
            "cost per used hour": spent / used_hours,
            **{f"start p{share}": percentile(self._starts or [0.0], share / 100) for share in SHARES},
            **self._waited(),
        }

    def _waited(self) -> Mapping[str, float]:
        tiers = [ALL, *map(str, Tier)]
        return {
            f"wait p{share} {tier}": percentile(sorted(self._waits[tier]) or [0.0], share / 100)
            for tier in tiers
            for share in SHARES
        }
