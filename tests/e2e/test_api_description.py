"""The running API and its own OpenAPI document agree, whatever is sent."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.adapters.postgres.connection import Database

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
WORKERS = "4"  # most of a request's time is waiting


@pytest.fixture
def left_behind(region: dict[str, str]) -> Iterator[None]:
    """Ends what strangers' requests lent, reserved and wait for: other tests want the fleet as it was."""
    yield
    database = Database(lambda: region["DATABASE_URL"])
    for statement in (
        "SELECT count(cancel_wait(NULL, NULL, id, NULL)) FROM queue_entries WHERE status = 'waiting'",
        "SELECT count(cancel_reservation(NULL, NULL, id, NULL)) FROM reservations WHERE status = 'pending'",
        "SELECT count(remove_webhook(id, NULL)) FROM webhooks",
        "SELECT count(*) FROM end_allocations("
        "ARRAY(SELECT id FROM device_allocations WHERE status = 'allocated'), 'revoked')",
    ):
        database.call(statement, {})
    database.close()


@pytest.mark.usefixtures("left_behind")
@pytest.mark.parametrize(
    ("token", "phases"),
    [
        pytest.param("OPERATOR_TOKEN", "examples,coverage", id="an operator, each field at its bounds"),
        pytest.param("USER_TOKEN", "fuzzing", id="a user, at random"),
    ],
)
def test_no_request_gets_a_server_error_or_an_undocumented_answer(
    region: dict[str, str], token: str, phases: str
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"),
            *(f"{region['API_URL']}/scheduler/openapi.json", "--url", region["API_URL"]),
            *("--header", f"Authorization: Bearer {region[token]}", "--phases", phases, "--workers", WORKERS),
        ],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
