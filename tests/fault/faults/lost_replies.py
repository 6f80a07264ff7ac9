"""The database did what it was asked, and its answer got lost."""

import random
from collections.abc import Callable

from tests.fault.clients import Habits
from tests.fault.stage import Scene, Setting

REQUESTS = (b"claim_device", b"release_device", b"claim_device", b"release_device", b"expire_due", b"UPDATE outbox")
PATIENCE_SECONDS = 30.0


class LostReplies:
    """The reply to a statement (which is its own COMMIT) never comes back."""

    name = "reply to the commit lost"
    promise = "an answer that is lost after the commit is told again under its key, and never done twice"
    short, long = 20, 200
    setting = Setting(
        habits=Habits(minutes=(10, 30)), delivers=True, minutes_a_second=1.0, proxied=frozenset({"postgres"})
    )

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Lose the reply to one statement after the other; sometimes the link closes, sometimes it stays silent."""
        proxy = scene.proxies["postgres"]
        for count in range(1, times + 1):
            proxy.arm("drop_reply" if rng.random() < 0.8 else "half_open", when=rng.choice(REQUESTS))
            if not scene.wait_for(lambda wanted=count: proxy.applied() >= wanted, PATIENCE_SECONDS):  # type: ignore[misc]
                break
            progress(count)
        struck = proxy.applied()
        proxy.heal()
        return int(struck)
