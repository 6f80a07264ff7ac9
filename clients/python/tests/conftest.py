"""Each test has a scheduler of its own, in this process."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from cloudphone import Client
from cloudphone.cli import login, session
from cloudphone.cli.main import main
from faked_scheduler import Driver, Scheduler, jwt, page


class Done(NamedTuple):
    """What a command came to."""

    code: int | str | None
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture
def driver(scheduler: Scheduler) -> Driver:
    return Driver(scheduler)


@pytest.fixture
def token() -> str:
    return jwt("alice", tenant_id="acme")


@pytest.fixture
def bare_cli(
    scheduler: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """The command line before anybody signed in."""
    client = partial(Client, transport=httpx.MockTransport(scheduler))
    monkeypatch.setattr(session, "Client", client)
    monkeypatch.setattr(login, "Client", client)
    for name in ("API_URL", "TOKEN", "USER_ID", "PROFILE"):
        monkeypatch.delenv(f"CLOUDPHONE_{name}", raising=False)
    monkeypatch.setenv("CLOUDPHONE_CONFIG", str(tmp_path / "home" / "config.ini"))
    scheduler.more["GET /allocations"] = lambda _: page(
        [scheduler.detail()] if scheduler.allocation and scheduler.detail()["status"] == "allocated" else []
    )

    def call(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["cloudphone", *arguments])
        capfd.readouterr()
        code: int | str | None = 0
        try:
            main()
        except SystemExit as left:
            code = left.code
        return Done(code, *capfd.readouterr())

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield call
    for number, handler in handlers.items():
        with suppress(TypeError):
            signal.signal(number, handler)


@pytest.fixture
def cli(bare_cli: Cli, token: str, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line of alice."""
    monkeypatch.setenv("CLOUDPHONE_API_URL", "http://scheduler")
    monkeypatch.setenv("CLOUDPHONE_TOKEN", token)
    return bare_cli
