"""The running API and its own OpenAPI document agree, whatever is sent."""

import subprocess
import sys
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize(
    ("token", "phases"),
    [
        pytest.param("OPERATOR_TOKEN", "examples,coverage,fuzzing", id="an operator, each field at its bounds"),
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
            *("--header", f"Authorization: Bearer {region[token]}", "--phases", phases),
        ],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
