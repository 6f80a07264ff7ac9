"""The async twin of `client`: the same methods and flows, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx
from typing_extensions import Self, Unpack

from cloudphone import routes, service_routes
from cloudphone.calls import Call, Page
from cloudphone.connection import Token, identity_of, options, parts_of, read, unreached
from cloudphone.errors import CloudPhoneError
from cloudphone.flows import Answer, Flow, Flows, OnWait, Pause, Retries
from cloudphone.holding import Holding
from cloudphone.keeping import Keeping, keep, logger
from cloudphone.models import Allocation, AllocationDetail
from cloudphone.routes import Wants

P = ParamSpec("P")
T = TypeVar("T")


def _answered(route: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    @wraps(route)
    def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        return self.run(self.flows.ask(route(*args, **kwargs)))

    return method


def _listed(route: Callable[P, Call[Page[T]]]) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    @wraps(route)
    def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        return self._pages(route(*args, **kwargs))

    return method


class AsyncClient:
    """Talks to one scheduler with one token; see `Client`."""

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        user_id: str | None = None,
        retries: Retries | None = None,
        timeout_seconds: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Connect at the first request."""
        self.flows = Flows(retries or Retries())
        self.user_id = user_id
        self._token = token
        self._http = httpx.AsyncClient(**options(url, timeout_seconds), transport=transport)

    def allocate(
        self,
        *,
        wait: bool = False,
        max_wait_minutes: int = 30,
        on_wait: OnWait | None = None,
        keeping: Keeping | None = None,
        **wants: Unpack[Wants],
    ) -> Allocating:
        """Lend a phone: `async with client.allocate(minutes=30) as phone:`, or `await` it. See `Client.allocate`."""
        user_id = wants.get("user_id") or self.user_id or identity_of(self._token).user_id
        flow = self.flows.allocate(user_id, wants, wait=wait, max_wait_minutes=max_wait_minutes, on_wait=on_wait)
        return Allocating(self, flow, keeping or Keeping())

    release = _answered(routes.release)
    renew = _answered(routes.renew)
    renewal = _answered(routes.renewal)
    allocation = _answered(routes.allocation)
    allocations = _listed(routes.allocations)
    available = _listed(routes.available)
    reserve = _answered(routes.reserve)
    reserve_series = _answered(routes.reserve_series)
    reservations = _listed(routes.reservations)
    cancel_reservation = _answered(routes.cancel_reservation)
    waiter = _answered(routes.waiter)
    waiters = _listed(routes.waiters)
    leave_queue = _answered(routes.leave_queue)
    usage = _listed(routes.usage)
    quota = _answered(routes.quota)
    health = _answered(routes.health)
    devices = _listed(routes.devices)
    device = _answered(routes.device)
    add_devices = _answered(routes.add_devices)
    dead_letters = _answered(routes.dead_letters)
    redrive = _answered(routes.redrive)
    audit = _answered(routes.audit)
    audit_log = _listed(routes.audit_log)
    allocate_batch = _answered(service_routes.allocate_batch)
    release_batch = _answered(service_routes.release_batch)
    renew_batch = _answered(service_routes.renew_batch)
    query_batch = _answered(service_routes.query_batch)
    add_webhook = _answered(service_routes.add_webhook)
    webhooks = _listed(service_routes.webhooks)
    webhook = _answered(service_routes.webhook)
    remove_webhook = _answered(service_routes.remove_webhook)
    enable_webhook = _answered(service_routes.enable_webhook)
    ping_webhook = _answered(service_routes.ping_webhook)

    async def run(self, flow: Flow[T]) -> T:
        """Do what a flow wants, and give what comes of it."""
        try:
            step = next(flow)
            while True:
                try:
                    done = await self._do(step)
                except BaseException as problem:
                    step = flow.throw(problem)
                else:
                    step = flow.send(done)
        except StopIteration as end:
            result: T = end.value
            return result

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Give itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self.close()

    async def _do(self, step: Call[Any] | Pause) -> Answer | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return read(await self._http.request(**parts_of(step, self._token)))
        except httpx.TransportError as problem:
            raise unreached(step, problem) from problem

    async def _pages(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        while True:  # the scheduler ends it: the last page has no cursor
            page = await self.run(self.flows.ask(call))
            for item in page.items:
                yield item
            if page.next_cursor is None:
                return
            call = replace(call, query={**call.query, "cursor": page.next_cursor})


class AsyncPhone(Holding):
    """An allocation; see `Phone`."""

    def __init__(self, client: AsyncClient, granted: Allocation | AllocationDetail, keeping: Keeping) -> None:
        """Have it; nothing is renewed before the `async with`."""
        super().__init__(granted, client.flows.now())
        self._client = client
        self._keeping = keeping
        self._keeper: asyncio.Task[None] | None = None

    async def renew(self, minutes: int, reason: str | None = None) -> None:
        """Ask for a later end by hand. Raises RenewalRefused."""
        renewal = await self._client.renew(self.allocation_id, minutes, reason)
        self.renewed(renewal.new_expires_at, self._client.flows.now())

    async def release(self) -> None:
        """Stop renewing and give it back; a second time does nothing."""
        if self._keeper:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self.ended is None:
            await self._client.run(self._client.flows.release(self))

    async def __aenter__(self) -> Self:
        """Renew it from now on."""
        self._keeper = asyncio.create_task(self._client.run(keep(self._client.flows, self, self._keeping)))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        """Give it back; what was raised inside goes on, even when that fails."""
        try:
            await self.release()
        except CloudPhoneError as problem:
            if kind is None:
                raise
            logger.warning("%s could not be given back: %s", self.device_id, problem)


class Allocating:
    """A phone on its way: to be awaited, or used in `async with`."""

    def __init__(self, client: AsyncClient, flow: Flow[Allocation | AllocationDetail], keeping: Keeping) -> None:
        """Remember how to get it."""
        self._client = client
        self._flow = flow
        self._keeping = keeping
        self._phone: AsyncPhone | None = None

    def __await__(self) -> Generator[Any, None, AsyncPhone]:
        """Get it."""
        return self._get().__await__()

    async def __aenter__(self) -> AsyncPhone:
        """Get it, and renew it from now on."""
        self._phone = await self._get()
        return await self._phone.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back."""
        if self._phone:
            await self._phone.__aexit__(kind, problem, trace)

    async def _get(self) -> AsyncPhone:
        return AsyncPhone(self._client, await self._client.run(self._flow), self._keeping)
