"""The routes of the release before, called like those of this one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.api import Answer, Api, Claims
from tests.support.release_before import python_of


class OldApi(Api):
    """Every route of the older code, in a process of its own; one call at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Talk to a worker."""
        self._process = process

    def call(
        self,
        method: str,
        path: str,
        claims: Claims | None,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request to the older code."""
        status, told, text = self._ask({"call": [method, path, claims, body, query, headers]})
        return Answer(status, told, text)

    def run(self, function: str) -> Any:
        """Invoke a function of the older code as its schedule does."""
        return self._ask({"run": function})

    def _ask(self, order: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline() or "null")


@contextmanager
def old_api(code: Path, variables: Mapping[str, str], log: Path) -> Iterator[OldApi]:
    """Run the older code with these variables of the functions' environment; what it logs goes to a file."""
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "worker"],
            cwd=code,
            env=python_of(code) | {"PATH": os.environ["PATH"]} | dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        yield OldApi(process)
        process.communicate()
