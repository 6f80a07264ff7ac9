"""A scheduler that lives in this process: one phone, one user, its own clock, and faults on demand."""

import base64
import itertools
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import httpx

from cloudphone.calls import Call
from cloudphone.connection import parts_of, read, unreached
from cloudphone.flows import Answer, Flow, Flows, Pause, Retries

START = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
Fault = Callable[[httpx.Request], httpx.Response | None]


def jwt(subject: str = "alice", **claims: Any) -> str:
    """Make a token that nobody could verify."""
    body = base64.urlsafe_b64encode(json.dumps({"sub": subject, **claims}).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


def refused(
    code: str, status: int, *, retryable: bool = False, retry_after: int | None = None, **members: Any
) -> httpx.Response:
    """Give a problem document."""
    told = {"code": code, "status": status, "detail": code, "retryable": retryable, **members}
    return httpx.Response(status, json=told, headers={} if retry_after is None else {"Retry-After": str(retry_after)})


def problem(code: str, status: int, **members: Any) -> Fault:
    """Refuse a request."""
    return lambda _request: refused(code, status, **members)


def no_answer(request: httpx.Request) -> httpx.Response:
    """Break the connection before the request is read."""
    raise httpx.ConnectError("refused", request=request)


class Scheduler:
    """Answers as the scheduler does, as far as the client looks; `faults` come first, one a request, None: no fault."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.requests: list[httpx.Request] = []
        self.faults: list[Fault | None] = []
        self.kept: dict[str, httpx.Response] = {}
        self.allocation: dict[str, Any] | None = None
        self.waiter: dict[str, Any] | None = None
        self.free = True
        self.limit = {"remainingRenewals": -1, "maxAdditionalMinutes": 240, "canRenew": True, "nextRenewalAt": None}
        self.grants = 0
        self.more: dict[str, Callable[[Any], httpx.Response]] = {}

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def sent(self, method: str, ending: str) -> list[httpx.Request]:
        """Requests of a route."""
        return [r for r in self.requests if r.method == method and r.url.path.endswith(ending)]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        fault = self.faults.pop(0) if self.faults else None
        faulty = fault(request) if fault else None
        key = request.headers.get("Idempotency-Key")
        answer = faulty or self.kept.get(key or "") or self._answer(request)
        if key and faulty is None:
            self.kept[key] = answer
        return httpx.Response(
            answer.status_code,
            content=answer.content,
            headers={**answer.headers, "Date": format_datetime(self.now, True)},
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path.removeprefix("/scheduler"), json.loads(request.content or b"{}")
        routes = {
            r"POST /devices/allocate": lambda: self._allocate(body),
            r"POST /devices/release": lambda: self._release(body),
            r"GET /allocations": lambda: self._list(request),
            r"GET /allocations/[^/]+": lambda: data(self.detail()),
            r"GET /allocations/[^/]+/renewal": lambda: data(
                {"reason": None, "detail": "", "history": [], **self.limit}
            ),
            r"POST /allocations/[^/]+/renew": lambda: self._renew(body["additionalMinutes"]),
            r"GET /queue/[^/]+": lambda: data(self.waiter),
            r"POST /queue/[^/]+/cancel": self._cancel,
        }
        routes |= {route: lambda do=do: do(body) for route, do in self.more.items()}
        (answer,) = (do for route, do in routes.items() if re.fullmatch(route, f"{request.method} {path}"))
        return answer()

    def _list(self, request: httpx.Request) -> httpx.Response:
        first = "cursor" not in request.url.params
        meta = {"limit": 1, "nextCursor": "second" if first else None}
        return httpx.Response(200, json={"data": [{**self.detail(), "deviceId": "a" if first else "b"}], "meta": meta})

    def _cancel(self) -> httpx.Response:
        assert self.waiter
        if self.waiter["status"] != "waiting":
            return refused("queue_entry_not_waiting", 409)
        self.waiter["status"] = "cancelled"
        return data(self.waiter)

    def _allocate(self, body: dict[str, Any]) -> httpx.Response:
        if self.free:
            self.grant(body["durationMinutes"])
            return data({k: v for k, v in self.detail().items() if k in GRANT}, 201)
        if not body.get("wait"):
            return refused("no_available_devices", 409, retryable=True)
        self.waiter = {
            **{"id": "w-1", "userId": "alice", "tenantId": "acme", "status": "waiting", "tier": "pro", "metadata": {}},
            "specs": {"deviceType": None, "minCpu": None, "minMemory": None, "minStorage": None},
            **{"durationMinutes": 30, "joinedAt": iso(self.now), "expiresAt": iso(self.now + timedelta(minutes=30))},
            **{"endedAt": None, "position": 2, "aheadCount": 1, "estimatedWaitSeconds": {"p50": 60, "p90": 200}},
            **{"allocationId": None, "deviceId": None},
        }
        return data(self.waiter, 202)

    def grant(self, minutes: int) -> None:
        """Lend the phone."""
        self.grants += 1
        self.allocation = {
            **{"allocationId": f"a-{self.grants}", "deviceId": "phone-1", "userId": "alice", "tenantId": "acme"},
            "device": {"id": "phone-1", "name": "Phone 1", "status": "running"},
            **{"status": "allocated", "allocatedAt": self.now, "expiresAt": self.now + timedelta(minutes=minutes)},
            **{"releasedAt": None, "durationMinutes": minutes, "durationSeconds": None, "fencingToken": 1},
            **{"renewalCount": 0, "lastRenewedAt": None, "metadata": {}, "adbHost": "10.0.0.7", "adbPort": 5555},
        }

    def serve(self) -> None:
        """Serve the waiter."""
        self.grant(30)
        assert self.waiter
        assert self.allocation
        self.waiter |= {"status": "fulfilled", "allocationId": self.allocation["allocationId"], "deviceId": "phone-1"}

    def move(self, device_id: str) -> None:
        """Fail over."""
        assert self.allocation
        self.allocation |= {"deviceId": device_id, "adbHost": "10.0.0.9", "fencingToken": 2}

    def detail(self) -> dict[str, Any]:
        """Give the allocation as it is now."""
        assert self.allocation
        if self.allocation["status"] == "allocated" and self.now >= self.allocation["expiresAt"]:
            self.allocation["status"] = "expired"
        return {name: iso(v) if isinstance(v, datetime) else v for name, v in self.allocation.items()}

    def _release(self, body: dict[str, Any]) -> httpx.Response:
        if not self.allocation or self.detail()["deviceId"] != body["deviceId"]:
            return refused("allocation_not_found", 404)
        if self.allocation["status"] != "allocated":
            return refused("allocation_not_active", 409)
        self.allocation["status"] = "released"
        return data({"deviceId": body["deviceId"], "durationSeconds": 1})

    def _renew(self, minutes: int) -> httpx.Response:
        if self.detail()["status"] != "allocated":
            return refused("allocation_not_active", 409)
        assert self.allocation
        old = self.allocation["expiresAt"]
        self.allocation["expiresAt"] = old + timedelta(minutes=minutes)
        told = {"oldExpiresAt": iso(old), "newExpiresAt": iso(self.allocation["expiresAt"]), "renewalCount": 1}
        return data(
            {**told, "additionalMinutes": minutes, "remainingRenewals": -1, "totalDurationMinutes": 1 + minutes}
        )


GRANT = (
    *("allocationId", "deviceId", "device", "userId", "tenantId", "allocatedAt", "expiresAt", "adbHost", "adbPort"),
    "fencingToken",
)


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def data(value: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json={"success": True, "data": value, "message": ""})


class Driver:
    """Does what flows want on that scheduler, its clock running on instead of anybody waiting."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.flows = Flows(Retries(), lambda: scheduler.seconds)
        self.pauses: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None
        self._http = httpx.Client(base_url="http://scheduler", transport=httpx.MockTransport(scheduler))

    def run(self, flow: Flow[Any]) -> Any:
        """Run a flow to its end, at most 500 steps."""
        outcome: Answer | None = None
        wrong: BaseException | None = None
        for _ in itertools.repeat(None, 500):
            try:
                step = flow.throw(wrong) if wrong else flow.send(outcome)
            except StopIteration as end:
                return end.value
            outcome, wrong = None, None
            try:
                outcome = self._do(step)
            except BaseException as caught:
                wrong = caught
        raise AssertionError("the flow does not end")

    def _do(self, step: Call[Any] | Pause) -> Answer | None:
        if isinstance(step, Pause):
            self.pauses.append(step.seconds)
            self.scheduler.seconds += step.seconds
            self.on_pause()
            return None
        try:
            return read(self._http.request(**parts_of(step, "token")))
        except httpx.TransportError as problem:
            raise unreached(step, problem) from problem


def page(items: list[Any]) -> httpx.Response:
    """Give a list in one page."""
    return httpx.Response(200, json={"data": items, "meta": {"limit": 200, "nextCursor": None}, "total": len(items)})
