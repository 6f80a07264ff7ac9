"""The client: one connection pool, one token, every route as a method, and phones that renew themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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


def _answered(route: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    @wraps(route)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(self.flows.ask(route(*args, **kwargs)))

    return method


def _listed(route: Callable[P, Call[Page[T]]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    @wraps(route)
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return self._pages(route(*args, **kwargs))

    return method


class Client:
    """Talks to one scheduler with one token. May be used by several threads at once.

    `token` is a text or a function that gives one, asked before each request. `user_id` is whom to allocate for; for a
    user's own token it is read from that. Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        user_id: str | None = None,
        retries: Retries | None = None,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Connect at the first request."""
        self.flows = Flows(retries or Retries())
        self.user_id = user_id
        self._token = token
        self._http = httpx.Client(**options(url, timeout_seconds), transport=transport)

    def allocate(
        self,
        *,
        wait: bool = False,
        max_wait_minutes: int = 30,
        on_wait: OnWait | None = None,
        keeping: Keeping | None = None,
        **wants: Unpack[Wants],
    ) -> Phone:
        """Lend a phone: `with client.allocate(minutes=30) as phone:` keeps it renewed and gives it back.

        With `wait` it waits in the queue when none is free; `on_wait` is told place and estimate each time they are
        read. Interrupted meanwhile it leaves the queue, and gives back what it got.

        Raises:
            NoAvailableDevices: None that fits is free, and none is waited for, or none that fits exists.
            WaitEnded: None came free within `max_wait_minutes`.
            QuotaExceeded: The user may have no more.
        """
        user_id = wants.get("user_id") or self.user_id or identity_of(self._token).user_id
        flow = self.flows.allocate(user_id, wants, wait=wait, max_wait_minutes=max_wait_minutes, on_wait=on_wait)
        return Phone(self, self.run(flow), keeping or Keeping())

    def phone(self, allocation_id: str, keeping: Keeping | None = None) -> Phone:
        """Take up an allocation that is there already."""
        return Phone(self, self.allocation(allocation_id), keeping or Keeping())

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

    def run(self, flow: Flow[T], stop: threading.Event | None = None) -> T:
        """Do what a flow wants, and give what comes of it; `stop` ends it at its next pause."""
        stop = stop or threading.Event()
        try:
            step = next(flow)
            while True:
                try:
                    done = self._do(step, stop)
                except BaseException as problem:
                    step = flow.throw(problem)
                else:
                    step = flow.send(done)
        except StopIteration as end:
            result: T = end.value
            return result

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def _do(self, step: Call[Any] | Pause, stop: threading.Event) -> Answer | None:
        if isinstance(step, Pause):
            if stop.wait(step.seconds):
                raise _Stopped
            return None
        try:
            return read(self._http.request(**parts_of(step, self._token)))
        except httpx.TransportError as problem:
            raise unreached(step, problem) from problem

    def _pages(self, call: Call[Page[T]]) -> Iterator[T]:
        while True:  # the scheduler ends it: the last page has no cursor
            page = self.run(self.flows.ask(call))
            yield from page.items
            if page.next_cursor is None:
                return
            call = replace(call, query={**call.query, "cursor": page.next_cursor})


class Phone(Holding):
    """An allocation. As a context manager it is renewed in the background, and given back whatever happens inside."""

    def __init__(self, client: Client, granted: Allocation | AllocationDetail, keeping: Keeping) -> None:
        """Have it; nothing is renewed before the `with`."""
        super().__init__(granted, client.flows.now())
        self._client = client
        self._keeping = keeping
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"keeps {self.device_id}", daemon=True)

    def renew(self, minutes: int, reason: str | None = None) -> None:
        """Ask for a later end by hand. Raises RenewalRefused."""
        renewal = self._client.renew(self.allocation_id, minutes, reason)
        self.renewed(renewal.new_expires_at, self._client.flows.now())

    def refresh(self) -> None:
        """Read how it is: its end, its address after a failover, or why it is over."""
        self.follow(self._client.allocation(self.allocation_id), self._client.flows.now())

    def release(self) -> None:
        """Stop renewing and give it back; a second time does nothing."""
        self._stop.set()
        try:
            if self._keeper.is_alive() and self._keeper is not threading.current_thread():
                self._keeper.join()
        finally:  # Ctrl-C meanwhile
            if self.ended is None:
                self._client.run(self._client.flows.release(self))

    def __enter__(self) -> Self:
        """Renew it from now on."""
        self._keeper.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        """Give it back; what was raised inside goes on, even when that fails."""
        try:
            self.release()
        except CloudPhoneError as problem:
            if kind is None:
                raise
            logger.warning("%s could not be given back: %s", self.device_id, problem)

    def _keep(self) -> None:
        with suppress(_Stopped):
            self._client.run(keep(self._client.flows, self, self._keeping), self._stop)


class _Stopped(BaseException):
    """The phone is given back: nothing is left to keep."""
