"""The front of the local region: who waits for whom, and what its log shows."""

import asyncio
import io
import json
from collections.abc import Coroutine
from typing import Any

import pytest

from tools.region.issuer import Issuer
from tools.region.pace import AT_ONCE, Pace
from tools.region.request_log import RequestLog

ROUTES = [
    ("GET", "/allocations/{allocationId}", "QueryFunction"),
    ("GET", "/allocations/stats", "StatsFunction"),
    ("POST", "/allocations", "AllocateFunction"),
]
PROBLEM = [(b"content-type", b"application/problem+json")]


async def in_turn(pace: Pace, entered: list[str], name: str, leave: asyncio.Event) -> None:
    async with pace.turn("POST", "/allocations"):
        entered.append(name)
        await leave.wait()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_a_request_waits_for_a_warm_process_and_takes_it() -> None:
    async def scene() -> None:
        pace, entered, leave = Pace(ROUTES, patience_seconds=60), list[str](), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for n in range(AT_ONCE + 1):
                tasks.create_task(in_turn(pace, entered, str(n), leave))
            while len(entered) < AT_ONCE:
                await asyncio.sleep(0)
            assert len(entered) == AT_ONCE
            leave.set()
        assert len(entered) == AT_ONCE + 1

    run(scene())


def test_when_all_processes_stay_busy_one_more_starts() -> None:
    async def scene() -> None:
        pace, entered, leave = Pace(ROUTES, patience_seconds=0), list[str](), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for n in range(AT_ONCE + 2):
                tasks.create_task(in_turn(pace, entered, str(n), leave))
            while len(entered) < AT_ONCE + 2:
                await asyncio.sleep(0)
            leave.set()

    run(scene())


@pytest.mark.parametrize(
    ("method", "path", "function"),
    [
        pytest.param("GET", "/allocations/stats", "StatsFunction", id="a fixed path comes before a variable"),
        pytest.param("GET", "/allocations/7", "QueryFunction", id="a variable takes one segment"),
        pytest.param("GET", "/allocations/7/8", None, id="and no more than one"),
        pytest.param("DELETE", "/allocations", None, id="another method is no route"),
    ],
)
def test_a_request_belongs_to_the_function_of_its_route(method: str, path: str, function: str | None) -> None:
    assert Pace(ROUTES).function_of(method, path) == function


def line_of(scope: dict[str, Any], status: int = 200, headers: Any = (), body: bytes = b"") -> str:
    stream = io.StringIO()
    RequestLog(stream).write(scope, (status, list(headers), body), 12.4)
    return stream.getvalue()


def test_the_log_names_the_caller_and_never_shows_the_token(issuer: Issuer) -> None:
    token = issuer.token("alice", "acme")
    line = line_of(
        {"method": "GET", "path": "/scheduler/health", "headers": [(b"authorization", f"Bearer {token}".encode())]}
    )

    assert "GET    /scheduler/health" in line
    assert line.endswith("200      12 ms  alice@acme\n")
    assert token not in line


def test_the_log_shows_the_code_of_a_refusal() -> None:
    body = json.dumps({"code": "quota_exceeded"}).encode()
    line = line_of({"method": "POST", "path": "/", "headers": []}, 403, PROBLEM, body)

    assert line.endswith("quota_exceeded\n")


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Bearer a.b.c", b"Bearer \xff.\xff", b"Bearer e.W10.e"])
def test_an_unreadable_token_does_not_break_the_log(header: bytes) -> None:
    line = line_of({"method": "GET", "path": "/\n\x1b[31m", "headers": [(b"authorization", header)]})

    assert line.count("\n") == 1
    assert "\x1b" not in line
