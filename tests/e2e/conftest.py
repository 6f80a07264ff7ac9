"""End-to-end tests talk to a local region of their own, brought up once for all of them."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.region.identities import read_environment

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".local" / "e2e"
_START_SECONDS = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker: they share the region."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
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
    """Bring up a region and yield the variables of its `env` file: URL, tokens, ids, database."""
    _command("up")
    try:
        yield read_environment(HOME / "env")
    finally:
        _command("down")


@pytest.fixture(scope="session")
def api(region: dict[str, str]) -> Api:
    """Return the region's HTTP API."""
    return Api(region["API_URL"])


def _command(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.region", command],
        cwd=ROOT,
        env={**os.environ, "REGION_HOME": str(HOME)},
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
