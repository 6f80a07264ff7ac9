"""A user service that is slow, down, talks nonsense, or never stops talking."""

import random
import time
from collections.abc import Callable

from tests.fault.clients import Habits
from tests.fault.stage import Scene, Setting
from tools.neighbours.moods import MOODS


class UnwellUserService:
    """Every mood it can be in, while quotas are asked and usage is told."""

    name = "user service slow, down or talking nonsense"
    promise = "quotas fail closed with a retryable 503, the breaker spares the service, no usage report is lost"
    short, long = 10, 100
    setting = Setting(habits=Habits(minutes=(10, 30)), delivers=True, asks_user_service=True, minutes_a_second=1.0)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Change its mood; forget cached quotas, so that it is asked; let it get well again."""
        moods = [*sorted(MOODS), "slow"]
        rng.shuffle(moods)
        with scene.redis() as redis:
            for count in range(1, times + 1):
                mood = moods[count % len(moods)]
                scene.service.be(mood, 3.0 if mood == "slow" else 0.0)
                scene.forget_cached_quotas()
                time.sleep(rng.uniform(0.2, 0.8))
                scene.service.be("ok")
                with scene.outage():  # locks go with it
                    redis.flushdb()  # the breaker's memory too: well again at once
                progress(count)
        return times
