"""What the attack does to the region: memory of the functions' processes, and how slow the machine itself is."""

import re
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.fuzz.findings import Noise
from tools.region.layout import Layout
from tools.region.processes import members

_MEMORY_SECONDS = 3.0
_NOISE_SECONDS = 0.5
_FUNCTION = re.compile(r"ministack-lambda-.*?-(\w+)Function-")


class Watch:
    """Takes samples in the background until it is stopped."""

    def __init__(self, layout: Layout, url: str) -> None:
        """Watch the region of this layout; `url` is of a route that does nothing."""
        self.memory: dict[str, list[int]] = defaultdict(list)
        self.noise: list[Noise] = []
        self._url = url
        self._cloud = next(member.pid for member in members(layout) if member.name == "cloud")
        self._done = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(self._weigh, _MEMORY_SECONDS)),
            threading.Thread(target=self._repeat, args=(self._listen, _NOISE_SECONDS)),
        ]

    def __enter__(self) -> "Watch":
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait for the last sample."""
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, sample: Callable[[], None], seconds: float) -> None:
        while not self._done.wait(seconds):
            sample()

    def _weigh(self) -> None:
        """Note what each process of a function has for itself."""
        for process in psutil.Process(self._cloud).children(recursive=True):
            with suppress(psutil.Error):
                function = _FUNCTION.search(" ".join(process.cmdline()))
                if function:
                    self.memory[f"{function[1]} {process.pid}"].append(process.memory_full_info().uss)

    def _listen(self) -> None:
        began, clock = time.time(), time.perf_counter()
        try:
            urllib.request.urlopen(self._url, timeout=40).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
        except OSError:
            pass
        self.noise.append(Noise(began, time.perf_counter() - clock))
