"""A TCP proxy that breaks links on demand, in front of Postgres, Redis or an HTTP service.

It runs as a process of its own (links.py), so that it shares no interpreter lock with the clients; it ends with its
parent. What it does to a link:

| fault | what the client and the server see |
|---|---|
| delay | the request reaches the server `seconds` (plus up to `jitter`) later |
| drop_reply | the server did it; its answer is lost, `then` the link closes, is reset or stays silent |
| reset | RST to both; the request that was waited for did not reach the server |
| black_hole | bytes are read and lost, new connections are accepted and nothing answers |
| half_open | the server did it; `gone` says whose side is closed after it, the other stays open and silent |
| refuse | new connections are refused; old ones live on |
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.fault.links import Kind, Rule

_PROGRAM = Path(__file__).with_name("links.py")
_ANSWER_SECONDS = 10.0


class FaultProxy:
    """The handle of a proxy process; any thread may use it."""

    def __init__(self, target: int, seed: int = 0) -> None:
        """Start it on a free `port` of 127.0.0.1, in front of another port of 127.0.0.1; `seed` is for jitter."""
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_PROGRAM), str(target), str(seed), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._orders, self._news = self._process.stdin, self._process.stdout
        self._asking = threading.Lock()
        self._heard = threading.Condition()
        self._answers = self._applied = 0
        self._ended = False
        self.port = int(self._news.readline())
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def apply(self, kind: Kind, **how: Any) -> None:
        """Break all links, old and new, until `heal`; `how` are members of Rule: seconds, jitter, then, gone."""
        self._ask("rule", **asdict(Rule(kind, **how)))

    def arm(self, kind: Kind, *, when: bytes = b"", times: int = 1, **how: Any) -> None:
        """Break the links of the next `times` requests that contain `when`, even if one comes in two segments."""
        if kind == "refuse":
            raise ValueError("connections are refused before they ask anything: use apply")
        self._ask("rule", **asdict(Rule(kind, when=when.decode("latin-1"), times=times, **how)))

    def heal(self) -> None:
        """Forget all faults. Links that lost bytes or an end are reset; whole ones go on."""
        self._ask("heal")

    def aim(self, target: int) -> None:
        """Lead new links to another port."""
        self._ask("aim", target=target)

    def applied(self) -> int:
        """Tell how often a fault struck, since the start: requests of armed ones, links of those on all.

        Refused connections are not seen, so not counted.
        """
        self._ask("count")
        return self._applied

    def wait_applied(self, count: int, timeout: float) -> bool:
        """Wait until `applied` is at least `count`; tell whether it came to that within `timeout` seconds."""
        with self._heard:
            self._heard.wait_for(lambda: self._applied >= count or self._ended, timeout)
            return self._applied >= count

    def close(self) -> None:
        """End it; all its links break."""
        with suppress(BrokenPipeError):
            self._orders.close()
        try:
            self._process.wait(_ANSWER_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_ANSWER_SECONDS)
        self._news.close()

    def _ask(self, order: str, **details: Any) -> None:
        with self._asking, self._heard:
            wanted = self._answers + 1
            self._orders.write(json.dumps({"do": order, **details}) + "\n")
            self._orders.flush()
            self._heard.wait_for(lambda: self._answers >= wanted or self._ended, _ANSWER_SECONDS)
            if self._answers < wanted:
                raise ConnectionError("the fault proxy is gone, or does not answer")

    def _listen(self) -> None:
        for line in self._news:
            word, count = line.split()
            with self._heard:
                self._applied = int(count)
                self._answers += word == "done"
                self._heard.notify_all()
        with self._heard:
            self._ended = True
            self._heard.notify_all()


@contextmanager
def fault_proxy(target: int, seed: int = 0) -> Iterator[FaultProxy]:
    """Run a proxy for the time of the `with` block."""
    proxy = FaultProxy(target, seed)
    try:
        yield proxy
    finally:
        proxy.close()
