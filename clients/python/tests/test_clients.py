"""Both clients do what the flows want, and give a phone back whatever happens."""

import asyncio
import logging
import queue
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cloudphone import AsyncClient, Client, Keeping, News, NotReached, Retries, identity_of
from cloudphone.holding import Holding
from faked_scheduler import START, Scheduler, jwt, no_answer

QUICK = Retries(attempts=3, base_seconds=0.001)
TOKEN = jwt("alice", tenant_id="acme", scope="scheduler.service", exp=1)


@pytest.fixture
def client(scheduler: Scheduler) -> Client:
    return Client("http://scheduler/", TOKEN, retries=QUICK, transport=httpx.MockTransport(scheduler))


@pytest.fixture
def twin(scheduler: Scheduler) -> AsyncClient:
    return AsyncClient("http://scheduler", TOKEN, retries=QUICK, transport=httpx.MockTransport(scheduler))


def status(scheduler: Scheduler) -> str:
    return str(scheduler.detail()["status"])


def test_a_phone_is_had_inside_and_given_back_after(client: Client, scheduler: Scheduler) -> None:
    with client.allocate(minutes=30, min_cpu=4, device_type="android-14") as phone:
        assert (phone.device_id, phone.adb) == ("phone-1", "10.0.0.7:5555")
        assert status(scheduler) == "allocated"

    assert status(scheduler) == "released"
    (asked,) = scheduler.sent("POST", "/allocate")
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert asked.content == (
        b'{"userId":"alice","durationMinutes":30,"deviceType":"android-14","preferredSpecs":{"minCpu":4}}'
    )


@pytest.mark.parametrize("trouble", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_phone_is_given_back_whatever_is_raised(client: Client, scheduler: Scheduler, trouble: Any) -> None:
    with pytest.raises(trouble), client.allocate(minutes=30):
        raise trouble

    assert status(scheduler) == "released"


def test_trouble_inside_is_not_hidden_by_trouble_at_the_end(
    client: Client, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cloudphone.flows.PATIENT", QUICK)

    def trouble() -> None:
        with client.allocate(minutes=30):
            scheduler.faults = [no_answer] * 10
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        trouble()
    assert "phone-1 could not be given back" in caplog.text


def test_trouble_at_the_end_is_told(client: Client, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudphone.flows.PATIENT", QUICK)

    with pytest.raises(NotReached), client.allocate(minutes=30):
        scheduler.faults = [no_answer] * 10


def test_a_phone_is_renewed_meanwhile(client: Client, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Holding, "look_again_seconds", lambda *_: 0.001)
    heard: queue.Queue[News] = queue.Queue()

    with client.allocate(minutes=1, keeping=Keeping(tell=lambda news, _: heard.put(news))) as phone:
        scheduler.seconds = 31
        assert heard.get(timeout=10) == News.RENEWED
        assert phone.expires_at == START + timedelta(minutes=241)
    assert status(scheduler) == "released"


def test_lists_come_page_by_page(client: Client, scheduler: Scheduler) -> None:
    scheduler.grant(30)

    assert [one.device_id for one in client.allocations(status="allocated")] == ["a", "b"]
    first, second = (request.url.params for request in scheduler.requests)
    assert dict(first) == {"status": "allocated", "limit": "200"}
    assert dict(second) == {**first, "cursor": "second"}


def test_a_token_says_who_one_is() -> None:
    who = identity_of(lambda: TOKEN)

    assert (who.user_id, who.tenant_id, who.scope, who.expires_at) == ("alice", "acme", "scheduler.service", 1)


@pytest.mark.parametrize("token", ["", "opaque-secret", "a.b.c", jwt("x")[:8] + ".bnVsbA.x"])
def test_a_token_that_says_nothing_is_not_told_to_anybody(token: str) -> None:
    with pytest.raises(ValueError, match="no JWT") as told:
        identity_of(token)
    assert token not in str(told.value) or not token
    assert told.value.__suppress_context__


def test_the_token_is_in_no_log_and_no_text(
    client: Client, scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scheduler.faults = [no_answer] * 3

    with pytest.raises(NotReached) as problem:
        client.health()
    with client.allocate(minutes=30) as phone:
        shown = [repr(client), str(vars(phone)), repr(problem.value), caplog.text]
    assert [text for text in shown if TOKEN in text] == []


def test_the_twin_does_the_same(twin: AsyncClient, scheduler: Scheduler) -> None:
    async def life() -> list[str]:
        async with twin:
            async with twin.allocate(minutes=30) as phone:
                assert (phone.device_id, status(scheduler)) == ("phone-1", "allocated")
            assert status(scheduler) == "released"
            alone = await twin.allocate(minutes=5)
            await alone.renew(10)
            await alone.release()
            await alone.release()
            scheduler.faults = [no_answer]
            listed: AsyncIterator[Any] = twin.allocations()
            return [one.device_id async for one in listed]

    assert asyncio.run(life()) == ["a", "b"]
    assert (scheduler.grants, status(scheduler)) == (2, "released")


def test_a_cancelled_task_gives_its_phone_back(twin: AsyncClient, scheduler: Scheduler) -> None:
    async def life() -> None:
        entered = asyncio.Event()

        async def inside() -> None:
            async with twin.allocate(minutes=30):
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(inside())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(life())
    assert status(scheduler) == "released"


def test_a_task_that_is_cancelled_in_the_line_leaves_it(twin: AsyncClient, scheduler: Scheduler) -> None:
    scheduler.free = False

    async def life() -> None:
        waits = asyncio.Event()
        task = asyncio.ensure_future(twin.allocate(wait=True, on_wait=lambda _: waits.set())._get())
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(life())
    assert scheduler.waiter
    assert scheduler.waiter["status"] == "cancelled"
