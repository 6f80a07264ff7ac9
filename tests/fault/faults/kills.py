"""Processes that die or freeze at a named step of what they do."""

import random
from collections.abc import Callable, Sequence
from itertools import islice

from tests.fault.clients import Habits
from tests.fault.crew import Crew
from tests.fault.run import NotKept
from tests.fault.stage import Scene, Setting
from tests.fault.steps import STEPS, Arm

AT_ONCE = 6
"""Arms that wait for one function at a time: more would leave no worker to go on."""
PATIENCE_SECONDS = 120.0
API = {"allocate", "release", "renew"}
QUICK = Habits(minutes=(10, 30))


class Kills:
    """SIGKILL at each named step."""

    name = "killed at any step"
    promise = "a function killed at any step of allocate, release, expire, relay or deliver leaves nothing half done"
    short, long = 50, 1000
    setting = Setting(habits=QUICK, delivers=True, minutes_a_second=2.0, relays=2, expire_every_seconds=0.1)
    functions: tuple[str, ...] = ("allocate", "release", "expire", "relay", "deliver")

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Go round the steps, so that each is struck about as often as the others."""
        steps = [(function, step) for function in self.functions for step in STEPS[function]]
        rng.shuffle(steps)
        return strike_steps(scene, [Arm(*steps[n % len(steps)]) for n in range(times)], progress)


class Freezes:
    """SIGSTOP for longer than a lock lives."""

    name = "frozen longer than its lock"
    promise = "a function that wakes up after its lock ran out does no harm: the database had decided"
    short, long = 10, 200
    setting = Setting(habits=QUICK, delivers=True, minutes_a_second=1.0)
    _FROZEN_SECONDS = 5.5  # locks live 5 s
    _STEPS = (
        ("allocate", "holding the lock"),
        ("allocate", "before the claim"),
        ("release", "holding the lock"),
        ("release", "before the release"),
        ("allocate", "after the claim"),
        ("expire", "before the sweep"),
        ("relay", "after the reading"),
        ("deliver", "before the report"),
    )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Freeze mostly where a lock is held or the statement is next."""
        weights = [4, 4, 3, 3, 1, 1, 1, 1]
        chosen = rng.choices(self._STEPS, weights, k=times)
        return strike_steps(scene, [Arm(*step, freeze_seconds=self._FROZEN_SECONDS) for step in chosen], progress)


class DeadRelays:
    """SIGKILL of the relay when events are out but not marked."""

    name = "relay killed between publish and mark"
    promise = "events that go out twice have one effect at the consumer"
    short, long = 20, 300
    setting = Setting(habits=QUICK, delivers=True, minutes_a_second=2.0, relays=3)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Kill it again and again at the same place."""
        return strike_steps(scene, [Arm("relay", "after the publishing")] * times, progress)


def strike_steps(scene: Scene, arms: Sequence[Arm], progress: Callable[[int], None]) -> int:
    """Arm the crews, a few at a time for each function, until all have struck.

    Raises:
        NotKept: Some step is not reached any more.
    """
    waiting = {function: iter([arm for arm in arms if arm.function == function]) for function in STEPS}
    armed = dict.fromkeys(STEPS, 0)

    def struck(function: str) -> int:
        return sum(count for (name, _), count in _crew_of(scene, function).struck.items() if name == function)

    def top_up() -> bool:
        scene.forget_cached_quotas()  # else a quota is read once a minute, and those steps are hardly reached
        for function, more in waiting.items():
            for arm in islice(more, max(AT_ONCE - armed[function] + struck(function), 0)):
                _crew_of(scene, function).arm(arm)
                armed[function] += 1
        total = sum(struck(function) for function in STEPS)
        progress(total)
        return total >= len(arms)

    seen = -1
    while not scene.wait_for(top_up, PATIENCE_SECONDS):
        total = sum(struck(function) for function in STEPS)
        if total == seen:
            raise NotKept(f"only {total} of {len(arms)} steps were reached")
        seen = total
    for crew in (scene.crew, scene.jobs):
        crew.disarm()
    return sum(struck(function) for function in STEPS)


def _crew_of(scene: Scene, function: str) -> Crew:
    return scene.crew if function in API else scene.jobs
