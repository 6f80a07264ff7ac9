"""The process of the fault proxy: passes bytes on, and breaks links as it is told.

Run as `python -I links.py <target port> <seed> <parent's process id>`. It writes its port, then takes one order a line
(JSON) and answers each by `done <count>`; whenever a fault strikes it writes `applied <count>`.
"""

import asyncio
import json
import os
import random
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

type Kind = Literal["delay", "drop_reply", "reset", "black_hole", "half_open", "refuse"]

_PARENT_SECONDS = 1.0
_TICK = 1e-6
"""Held requests leave at different times, because the loop keeps no order among equal ones."""


@dataclass(slots=True)
class Rule:
    """One fault: on every link until it is healed (`times` None), or on the next requests that contain `when`."""

    kind: Kind
    seconds: float = 0.0
    jitter: float = 0.0
    then: Literal["close", "reset", "silent"] = "close"
    gone: Literal["server", "client"] = "server"
    when: str = ""
    """Bytes, as Latin-1; empty is any request."""
    times: int | None = None

    def strikes(self, tail: bytes, data: bytes) -> bool:
        """Tell whether a request that ended its last segment with `tail` contains the pattern now, and not before."""
        wanted = self.when.encode("latin-1")
        return wanted in (tail[-len(wanted) + 1 :] if len(wanted) > 1 else b"") + data

    @property
    def leaves_the_server(self) -> bool:
        """Whether the server's end outlives the client's: it is to notice nothing, or to finish what it does."""
        if self.kind == "drop_reply":
            return self.then != "silent"
        return self.kind == "black_hole" or (self.kind == "half_open" and self.gone == "client")


class Hub:
    """What all links share: where they lead, and what is to happen to them."""

    def __init__(self, target: int, seed: int) -> None:
        self.target = target
        self.rules: list[Rule] = []
        self.links: set[Link] = set()
        self.jitter = random.Random(seed)
        self._applied = 0
        self._port = 0
        self._place = self._bound()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen, and give the port. A second socket keeps the port while nobody listens."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: End(Link(self).on_client), sock=self._bound(), backlog=256
            )
        return self._port

    def _bound(self) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(("127.0.0.1", self._port))
        self._port = bound.getsockname()[1]
        return bound

    async def obey(self, order: dict[str, Any]) -> None:
        """Do what the handle asks."""
        match order.pop("do"):
            case "rule":
                self._add(Rule(**order))
            case "heal":
                self.rules.clear()
                for link in list(self.links):
                    link.heal()
                await self.open()
            case "aim":
                self.target = order["target"]
        self.tell("done")

    def _add(self, rule: Rule) -> None:
        if rule.kind == "refuse":
            if self._server:
                self._server.close()
                self._server = None
            return
        self.rules.append(rule)
        if rule.times is None:
            for link in list(self.links):
                link.meet(rule)

    def always(self, *kinds: Kind) -> Rule | None:
        """Give the first fault of these kinds that is on all links."""
        return next((rule for rule in self.rules if rule.times is None and rule.kind in kinds), None)

    def rule_for(self, tail: bytes, data: bytes) -> Rule | None:
        """Give the fault that this request meets, and use it up."""
        rule = next((rule for rule in self.rules if rule.strikes(tail, data)), None)
        if rule and rule.times is not None:
            rule.times -= 1
            if not rule.times:
                self.rules.remove(rule)
        return rule

    def count(self) -> None:
        """Count a fault that struck."""
        self._applied += 1
        self.tell("applied")

    def tell(self, word: str) -> None:
        """Tell the handle how much was applied."""
        os.write(1, f"{word} {self._applied}\n".encode())


class End(asyncio.Protocol):
    """One side of a link: hands what arrives to the link."""

    def __init__(self, made: Callable[["End"], None]) -> None:
        self._made = made
        self.received: Callable[[bytes], None] = lambda _: None
        self.lost: Callable[[Exception | None], None] = lambda _: None
        self.other: End | None = None
        self.transport: Any = None

    @property
    def is_open(self) -> bool:
        """Whether it can send."""
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._made(self)

    def data_received(self, data: bytes) -> None:
        self.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost(exc)

    def pause_writing(self) -> None:
        if self.other and self.other.is_open:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.is_open:
            self.other.transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Send, unless it has closed."""
        if self.is_open:
            self.transport.write(data)

    def close(self, *, reset: bool = False) -> None:
        """Close in good order, or with a RST."""
        if not self.is_open:
            return
        if not reset:
            self.transport.close()
            return
        with suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


class Link:
    """A client's connection, and the one to the server that belongs to it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._client = self._server = End(lambda _: None)
        self._fate: Rule | None = None
        """What tore it: bytes or an end are lost, and nothing passes any more."""
        self._loses: Rule | None = None
        """What happens to the next reply."""
        self._over = False
        self._tail = b""
        self._held = 0
        self._free_at = 0.0

    def on_client(self, client: End) -> None:
        """Take a client, and find it its server."""
        self._client = client
        client.received, client.lost = self._request, self._client_lost
        self._hub.links.add(self)
        if rule := self._hub.always("reset", "black_hole", "half_open"):
            self.meet(rule)
            if rule.kind != "half_open" or rule.gone == "server":
                return
        client.transport.pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: End(self._on_server), "127.0.0.1", self._hub.target)
        except OSError:
            self._client.close(reset=True)

    def _on_server(self, server: End) -> None:
        self._server = server
        server.received, server.lost = self._reply, self._server_lost
        server.other, self._client.other = self._client, server
        if self._client.is_open:
            self._client.transport.resume_reading()
        elif self._over or self._fate is None:
            server.close()

    def meet(self, rule: Rule) -> None:
        """Suffer at once what a fault on all links does; delay and drop_reply wait for a request."""
        if self._fate or rule.kind in ("delay", "drop_reply"):
            return
        self._fate = rule
        if rule.kind == "reset":
            self._cut()
        elif rule.kind == "half_open":
            (self._server if rule.gone == "server" else self._client).close()
        self._hub.count()

    def heal(self) -> None:
        """End what is torn."""
        self._loses, self._tail = None, b""
        if self._fate:
            self._cut()

    def _request(self, data: bytes) -> None:
        if self._fate:
            return
        rule = self._rule_for(data) if self._hub.rules else None
        if rule and rule.kind in ("reset", "black_hole"):
            self.meet(rule)
        elif rule and rule.kind == "delay":
            self._hold(data, rule.seconds + self._hub.jitter.uniform(0, rule.jitter))
            self._hub.count()
        else:
            self._loses = rule or self._loses
            if self._held:
                self._hold(data, 0)
            else:
                self._server.send(data)

    def _rule_for(self, data: bytes) -> Rule | None:
        rule = self._hub.rule_for(self._tail, data)
        longest = max((len(rule.when) for rule in self._hub.rules), default=0)
        self._tail = (self._tail + data)[-longest:] if longest and not rule else b""
        return rule

    def _hold(self, data: bytes | None, seconds: float) -> None:
        """Send it on later, and after all that is held already; None closes."""
        loop = asyncio.get_running_loop()
        self._held += 1
        self._free_at = max(self._free_at + _TICK, loop.time() + seconds)
        loop.call_at(self._free_at, self._let_go, data)

    def _let_go(self, data: bytes | None) -> None:
        self._held -= 1
        if data is None:
            self._server.close()
        else:
            self._server.send(data)

    def _reply(self, data: bytes) -> None:
        if self._loses and not self._fate:
            self._lose_reply(self._loses)
        elif not self._fate:
            self._client.send(data)

    def _lose_reply(self, rule: Rule) -> None:
        self._fate = rule
        ends = rule.then if rule.kind == "drop_reply" else rule.gone
        if ends in ("close", "reset", "client"):
            self._client.close(reset=ends == "reset")
        if ends in ("close", "reset", "server") and self._server.is_open:
            self._server.transport.write_eof()  # a server in the middle of a long answer finishes what it does
        self._hub.count()

    def _cut(self) -> None:
        self._over = True
        self._client.close(reset=True)
        self._server.close(reset=True)
        self._hub.links.discard(self)

    def _client_lost(self, error: Exception | None) -> None:
        if self._fate and self._fate.leaves_the_server and not self._over:
            return
        if self._held:
            self._hold(None, 0)  # what was sent arrives, if late
        else:
            self._server.close(reset=error is not None)
        self._hub.links.discard(self)

    def _server_lost(self, error: Exception | None) -> None:
        if self._fate is None:
            self._client.close(reset=error is not None)
        if not self._client.is_open:
            self._hub.links.discard(self)


async def _serve(target: int, seed: int, parent: int) -> None:
    hub = Hub(target, seed)
    os.write(1, f"{await hub.open()}\n".encode())
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while True:
        reading = asyncio.ensure_future(orders.readline())
        # The pipe ends with the parent, unless a fork of the parent holds it too: then only its absence tells.
        while not (await asyncio.wait({reading}, timeout=_PARENT_SECONDS))[0]:
            if os.getppid() != parent:
                return
        if not reading.result():
            return
        await hub.obey(json.loads(reading.result()))


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:])))
