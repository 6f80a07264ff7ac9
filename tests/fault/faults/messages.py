"""A topic on a bad day; messages that come again, and messages that are none."""

import random
import time
from collections.abc import Callable

from tests.fault.clients import Habits
from tests.fault.run import NotKept
from tests.fault.sns_gateway import Trouble
from tests.fault.stage import Scene, Setting

HABITS = Habits(minutes=(10, 30))
PATIENCE_SECONDS = 60.0
POISON = '{"type": "device.allocated", "data": '


class UnwellTopic:
    """SNS throttles, fails, loses its answer, or takes a part of a batch."""

    name = "SNS throttled, failing, partial batch"
    promise = "events of a device keep their order, those of others go on, and none is lost"
    short, long = 10, 200
    setting = Setting(habits=HABITS, delivers=True, minutes_a_second=1.0)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Arm one trouble after the other."""
        gateway, troubles = scene.events.gateway, list(Trouble)
        rng.shuffle(troubles)
        for count in range(1, times + 1):
            gateway.arm(troubles[count % len(troubles)])
            if not gateway.wait_done(count, PATIENCE_SECONDS):
                break
            progress(count)
        gateway.heal()
        return gateway.done().total()


class Redeliveries:
    """Old events delivered again, and poison among them."""

    name = "redelivered, or poison"
    promise = "the inbox drops what was applied; a poison message is parked after 5 tries while others flow"
    short, long = 5, 100
    setting = Setting(habits=HABITS, delivers=True, minutes_a_second=1.0)
    _POISON_EACH = 5

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Send known events again as if five minutes had passed; every fifth time send what is no event.

        Raises:
            NotKept: A poison message was not parked.
        """
        poisoned = 0
        for count in range(1, times + 1):
            scene.wait_for(lambda: scene.events.received, PATIENCE_SECONDS)
            recent = [message.event_id for message in scene.events.received[-500:] if message.event_id]
            if count % self._POISON_EACH == 0:
                poisoned += 1
                scene.events.send_poison(POISON, f"poison-{poisoned}")
            else:
                scene.events.send_again(rng.choice(recent))
            time.sleep(rng.uniform(0.02, 0.1))
            progress(count)
        if not scene.wait_for(lambda: scene.events.parked().count(POISON) == poisoned, PATIENCE_SECONDS):
            raise NotKept(f"of {poisoned} poison messages {scene.events.parked().count(POISON)} were parked")
        return times
