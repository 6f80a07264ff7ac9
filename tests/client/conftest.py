"""The package of clients/python as its users have it: installed in an environment of its own, against a real region.

It takes minutes of real time. Only `make client-test` asks for it: `make test` has to be quick.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, Api, region_up
from tools.region.issuer import Issuer
from tools.region.layout import Layout
from tools.region.processes import members, python_module, start_program, wait_for
from tools.region.region import answers

ASKED_FOR = "CLIENT_TEST"
PACKAGE = ROOT / "clients" / "python"
TENANT = "acme"
NOWHERE = "127.0.0.1:9"
"""Where webhooks of this region may lead; nobody listens."""
_INSTALL_SECONDS = 180
_COMMAND_SECONDS = 60

collect_ignore_glob = [] if ASKED_FOR in os.environ else ["test_*.py"]


@dataclass(frozen=True)
class Front:
    """The region's HTTP API, to be taken away and brought back."""

    layout: Layout
    url: str

    def stop(self) -> None:
        """Break every connection, and refuse new ones."""
        for member in members(self.layout):
            process = member.process() if member.name == "front" else None
            if process:
                process.kill()
                process.wait(10)

    def start(self) -> None:
        """Serve again, under the same address."""
        environment = {**os.environ, "REGION_HOME": str(self.layout.home)}
        member = start_program(self.layout, "front", python_module("tools.region.front"), environment)
        wait_for(self.layout, member, lambda: answers(f"{self.url}/"))


@dataclass(frozen=True)
class Shell:
    """Runs what was installed, with nothing of this checkout on its path."""

    bin: Path
    environment: Mapping[str, str] = field(repr=False)

    def start(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command; names are looked for among what was installed first."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=dict(self.environment), **(streams | options))

    def run(self, *command: str, code: int = 0, **options: Any) -> str:
        """Run a command to its end, expect its exit code, give what it printed."""
        with self.start(*command, **options) as process:
            out, err = process.communicate(timeout=_COMMAND_SECONDS)
        assert process.returncode == code, f"{command}: {process.returncode}\n{out}\n{err}"
        return out

    def json(self, *command: str, code: int = 0) -> Any:
        """Run a command of `cloudphone` with --json, and give what it printed."""
        return json.loads(self.run("cloudphone", *command, "--json", code=code))


@dataclass(frozen=True)
class World:
    """A region, and people who have the package installed."""

    region: Mapping[str, str]
    bin: Path
    scratch: Path

    def person(self, name: str, token: str | None = None) -> Shell:
        """Give the shell of a user of the tenant, or of the bearer of a token of the region."""
        issuer = Issuer.with_key(self.region["ISSUER_URL"], self.layout.signing_key)
        environment = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.scratch),
            "LANG": "C.UTF-8",
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
            "CLOUDPHONE_API_URL": self.region["API_URL"],
            "CLOUDPHONE_TOKEN": token or issuer.token(name, TENANT),
        }
        return Shell(self.bin, environment)

    def give_plan(self, user_id: str, plan: str) -> None:
        """Put a user on a tier."""
        body = {"tenantId": TENANT, "planName": plan}
        path = f"/scheduler/quotas/{user_id}"
        assert self.api.call("PUT", path, self.region["OPERATOR_TOKEN"], body).status == 200

    @property
    def operator(self) -> Shell:
        """The shell of the operator."""
        return self.person("operator", self.region["OPERATOR_TOKEN"])

    @property
    def api(self) -> Api:
        """The region's HTTP API."""
        return Api(self.region["API_URL"])

    @property
    def layout(self) -> Layout:
        """Where the region keeps its things."""
        return Layout(Path(self.region["REGION_HOME"]))

    @property
    def front(self) -> Front:
        """What can be restarted."""
        return Front(self.layout, self.region["API_URL"])

    def held(self, user_id: str) -> list[Any]:
        """List what a user has now."""
        query = f"/scheduler/allocations?userId={user_id}&status=allocated"
        found: list[Any] = self.api.call("GET", query, self.region["SERVICE_TOKEN"]).body["data"]
        return found


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Install the package with pip where nothing else is, and bring up a region."""
    scratch = tmp_path_factory.mktemp("home")
    home = scratch / "client"
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [str(home / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", str(PACKAGE), "pytest"],
    ):
        subprocess.run(command, env=clean, check=True, timeout=_INSTALL_SECONDS, cwd=scratch)
    with region_up(WEBHOOK_ALLOWED_TARGETS=NOWHERE) as region:
        yield World(region, home / "bin", scratch)
