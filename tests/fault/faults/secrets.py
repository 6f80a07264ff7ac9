"""The database's password changes while functions hold connections made with the old one."""

import random
import secrets
import time
from collections.abc import Callable

from tests.fault.clients import Habits
from tests.fault.stage import Scene, Setting


class Rotations:
    """A new password in the secret and in Postgres, and every connection cut."""

    name = "secret rotated"
    promise = "after a rotation a function reads the secret anew: one failed attempt at most, then it is connected"
    short, long = 2, 20
    setting = Setting(habits=Habits(minutes=(10, 30)), delivers=True, minutes_a_second=1.0, password_in_secret=True)

    def strike(self, scene: Scene, times: int, rng: random.Random, progress: Callable[[int], None]) -> int:
        """Rotate as the services do: the secret first, then the role, then the sessions end."""
        for count in range(1, times + 1):
            scene.change_password(secrets.token_hex(16))
            time.sleep(rng.uniform(0.3, 0.6))
            progress(count)
        return times
