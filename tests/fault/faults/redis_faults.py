"""A Redis that is killed, flushed, silent, or whose answer to the lock gets lost."""

import random
import time
from collections.abc import Callable

from tests.fault.clients import Habits
from tests.fault.stage import Scene, Setting

LOCK_SCRIPT = b"allocation:user"


class RedisFaults:
    """Each in turn; none may cost more than politeness and half a second."""

    name = "Redis killed, flushed, silent or lying"
    promise = "without Redis everything goes on: at most 0.5 s later, then it is skipped until it is back"
    short, long = 5, 100
    setting = Setting(
        habits=Habits(minutes=(10, 30)), delivers=True, minutes_a_second=1.0, proxied=frozenset({"redis"})
    )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Break it, let clients feel it, mend it."""
        ways = [self._kill, self._flush, self._silence, self._lose_lock_reply]
        for count in range(times):
            with scene.outage():
                ways[count % len(ways)](scene, rng)
            time.sleep(rng.uniform(0.1, 0.3))
            progress(count + 1)
        return times

    def _kill(self, scene: Scene, rng: random.Random) -> None:
        scene.stage.valkey.kill()
        time.sleep(rng.uniform(0.1, 1.0))
        scene.stage.valkey.start()

    def _flush(self, scene: Scene, rng: random.Random) -> None:
        with scene.redis() as client:
            client.flushall()

    def _silence(self, scene: Scene, rng: random.Random) -> None:
        scene.proxies["redis"].apply("black_hole")
        time.sleep(rng.uniform(0.3, 1.0))
        scene.proxies["redis"].heal()

    def _lose_lock_reply(self, scene: Scene, rng: random.Random) -> None:
        before = scene.proxies["redis"].applied()
        scene.proxies["redis"].arm("drop_reply", when=LOCK_SCRIPT, times=3)
        scene.proxies["redis"].wait_applied(before + 3, 10)
        scene.proxies["redis"].heal()
