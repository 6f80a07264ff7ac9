"""End-to-end tests talk to a local region of their own, brought up once for all of them."""

import fcntl
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pytest

from tests.support.limits import RAISED_LIMITS
from tools.embedded import free_port
from tools.region.identities import read_environment

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 8
_START_SECONDS = 300


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker: they share the region, and wait while the other worker works.

    Those of a group of their own need no region.
    """
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("region"))


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Api:
    """The region's HTTP API."""

    url: str

    def call(
        self,
        method: str,
        path: str,
        token: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request (`body` as JSON unless it is bytes) and return the answer, whatever its status."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.url + path, data, sent | dict(headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=35) as reply:
                return _answer(reply.status, reply)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return _answer(refusal.code, refusal)


@pytest.fixture(scope="session")
def region() -> Iterator[dict[str, str]]:
    """Bring up a region and yield the variables of its `env` file: URL, tokens, ids, database.

    And REGION_HOME, and WEBHOOK_PORT: where webhooks of this region may lead on this machine.
    """
    with _with_a_target() as environment:
        yield environment


@pytest.fixture(scope="session")
def neighbourhood() -> Iterator[dict[str, str]]:
    """Bring up a region whose user, billing and notification services are next door."""
    with _with_a_target(NEIGHBOURS="1") as environment:
        yield environment


@pytest.fixture(scope="session")
def api(region: dict[str, str]) -> Api:
    """Return the region's HTTP API."""
    return Api(region["API_URL"])


@contextmanager
def region_up(**variables: str) -> Iterator[dict[str, str]]:
    """Bring up a region with these variables set, and yield those of its `env` file, and REGION_HOME."""
    with _own_home() as home:
        _command("up", home, **(RAISED_LIMITS | variables))
        try:
            yield {**read_environment(home / "env"), "REGION_HOME": str(home)}
        finally:
            _command("down", home)


@contextmanager
def _with_a_target(**variables: str) -> Iterator[dict[str, str]]:
    port = str(free_port())
    with region_up(WEBHOOK_ALLOWED_TARGETS=f"127.0.0.1:{port}", **variables) as environment:
        yield {**environment, "WEBHOOK_PORT": port}


@contextmanager
def _own_home() -> Iterator[Path]:
    """Yield a folder for the region that no other test run uses now; what is built in it serves the next run."""
    (ROOT / ".local").mkdir(exist_ok=True)
    for number in range(AT_ONCE):
        home = ROOT / ".local" / f"e2e-{number}"
        with home.with_suffix(".lock").open("w") as lock:
            if _can_have(lock):
                yield home
                return
    raise RuntimeError(f"{AT_ONCE} test runs use their regions in {ROOT / '.local'} already")


def _can_have(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _command(command: str, home: Path, **variables: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.region", command],
        cwd=ROOT,
        env={**os.environ, "REGION_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the region did not go {command}:\n{done.stdout}{done.stderr}")


def _answer(status: int, reply: Any) -> Answer:
    text = reply.read()
    try:
        body = json.loads(text)
    except ValueError:
        body = text.decode(errors="replace")
    return Answer(status, {name.lower(): value for name, value in reply.headers.items()}, body)
