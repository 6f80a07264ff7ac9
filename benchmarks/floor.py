"""The floor: pgbench runs the statements of the handlers alone, by the simple protocol as psycopg2 does."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import psycopg2

from benchmarks.outcome import WrongAnswer
from benchmarks.requests import CLAIMS, allocate_body, release_body
from benchmarks.worker import USERS_PER_WORKER
from scheduler.adapters.postgres.allocations import PostgresAllocations
from scheduler.adapters.postgres.connection import Database
from scheduler.domain.plans import plan_document
from scheduler.edge.identity import caller_of
from scheduler.edge.schemas.allocations import AllocateBody, ReleaseBody
from tools.embedded import POSTGRES_BIN

WARM_UP_SECONDS = 2
"""Its sessions are new in each round, and each compiles the routines first; the handlers' are warm."""
_LATE_SECONDS = 60
_PROGRESS = re.compile(r"^progress: ([\d.]+) s, ([\d.]+) tps, lat ([\d.]+) ms .* (\d+) failed", re.MULTILINE)
_TRANSACTIONS = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FloorRound:
    """Cycles in a second and the mean cycle in ms, both after the warm-up; all cycles that were run."""

    per_second: float
    mean_ms: float
    cycles: int


class Floor:
    """The two statements as a pgbench script against one database."""

    def __init__(self, url: str, folder: Path, plan: str) -> None:
        """Write the script, with the arguments that the adapter itself gives."""
        self._url = urlsplit(url)
        self._script = folder / "cycle.sql"
        self._script.write_text(script(url, plan))

    def run(self, clients: int, seconds: int) -> FloorRound:
        """Run one round with as many clients as there are workers.

        Raises:
            WrongAnswer: pgbench failed.
        """
        threads = min(clients, os.cpu_count() or 1)
        command = [
            *(str(POSTGRES_BIN / "pgbench"), "-n", "-M", "simple", "-P", "1", "-f", str(self._script)),
            *("-c", str(clients), "-j", str(threads), "-T", str(seconds + WARM_UP_SECONDS)),
            *("-h", str(self._url.hostname), "-p", str(self._url.port), "-U", str(self._url.username)),
            self._url.path.lstrip("/"),
        ]
        done = subprocess.run(
            command,
            env={**os.environ, "PGPASSWORD": str(self._url.password)},
            capture_output=True,
            text=True,
            timeout=seconds + WARM_UP_SECONDS + _LATE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise WrongAnswer(f"pgbench failed:\n{done.stderr[-2000:]}")
        return read_pgbench(done.stdout, done.stderr)


def read_pgbench(stdout: str, stderr: str) -> FloorRound:
    """Read the summary and the progress lines, one a second; those of the warm-up are left out.

    Raises:
        WrongAnswer: A line is missing, or some transaction failed.
    """
    total = _TRANSACTIONS.search(stdout)
    seconds = [[float(number) for number in line.groups()] for line in _PROGRESS.finditer(stderr)]
    if total is None or any(failed for *_, failed in seconds):
        raise WrongAnswer(f"pgbench says:\n{stdout}{stderr}")
    counted = [(tps, latency) for at, tps, latency, _ in seconds if at > WARM_UP_SECONDS + 0.5]
    rate = sum(tps for tps, _ in counted)
    if not rate:
        raise WrongAnswer(f"pgbench ran too short:\n{stderr}")
    return FloorRound(rate / len(counted), sum(tps * ms for tps, ms in counted) / rate, int(total.group(1)))


def script(url: str, plan: str) -> str:
    """Give the pgbench script: the statements of one cycle, and the device handed from the first to the second."""
    service = caller_of(CLAIMS, "tenant_id")
    ask = msgspec.convert(allocate_body("USER"), AllocateBody).to_request(service, None)
    giving_back = msgspec.convert(release_body("USER", "DEVICE"), ReleaseBody).to_request(service, None)
    recorder = _Recorder(url)
    store = PostgresAllocations(recorder)
    store.claim(ask, plan_document(plan).terms_for(ask.wants), last_attempt=False)
    store.release(giving_back)
    claim, release = (_with_variables(statement) for statement in recorder.statements)
    return (
        f"\\set user random(0, {USERS_PER_WORKER - 1})\n"
        f"SELECT ({claim}) ->> 'deviceId' AS device \\gset\n"
        f"SELECT ({release}) ->> 'deviceId' AS released \\gset\n"
    )


def _with_variables(statement: str) -> str:
    return statement.replace("'USER'", "'user-:client_id-:user'").replace("'DEVICE'", "':device'")


class _Recorder(Database):
    """Notes the statements instead of running them, written out as psycopg2 would send them."""

    def __init__(self, url: str) -> None:
        super().__init__(lambda: url)
        self._url = url
        self.statements: list[str] = []

    def call(self, statement: str, parameters: Mapping[str, Any]) -> Any:
        connection = psycopg2.connect(self._url)
        try:
            with connection.cursor() as cursor:
                self.statements.append(cursor.mogrify(statement, parameters).decode())
        finally:
            connection.close()
        return {}
