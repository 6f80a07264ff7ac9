"""What stands before the functions: tokens are checked, strange requests are answered and never crash anything."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Api
from tools.region.issuer import Issuer

LIST = "/scheduler/allocations"
ALLOCATE = "/scheduler/devices/allocate"
MEGABYTE = 1024 * 1024


@pytest.fixture
def issuer(region: dict[str, str]) -> Issuer:
    """Return the region's issuer, to sign what it would never sign."""
    return Issuer.with_key(region["ISSUER_URL"], Path(region["REGION_HOME"]) / "issuer-key.pem")


def test_a_valid_token_is_let_in(api: Api, region: dict[str, str]) -> None:
    assert api.call("GET", LIST, region["USER_TOKEN"]).status == 200


def test_no_token_is_refused(api: Api) -> None:
    assert api.call("GET", LIST).status == 401


def test_an_expired_token_is_refused(api: Api, issuer: Issuer) -> None:
    assert api.call("GET", LIST, issuer.token("alice", "acme", seconds=-60)).status == 401


def test_a_token_of_another_issuer_is_refused(api: Api, issuer: Issuer) -> None:
    other = Issuer("http://127.0.0.1:1", issuer.key)

    assert api.call("GET", LIST, other.token("alice", "acme")).status == 401


def test_a_changed_token_is_refused(api: Api, region: dict[str, str], issuer: Issuer) -> None:
    head, _, signature = region["USER_TOKEN"].split(".")
    claims = issuer.token("operator", None, "scheduler.operator").split(".")[1]

    assert api.call("GET", LIST, f"{head}.{claims}.{signature}").status == 401


@pytest.mark.parametrize("path", ["/scheduler/health", "/scheduler/openapi.json", "/scheduler/docs"])
def test_health_and_documents_need_no_token(api: Api, path: str) -> None:
    assert api.call("GET", path).status == 200


def test_an_unknown_path_is_not_found(api: Api, region: dict[str, str]) -> None:
    assert api.call("GET", "/scheduler/nothing", region["USER_TOKEN"]).status == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b'{"userId": ', 400, "invalid_json", id="broken JSON"),
        pytest.param(b'{"userId": "' + b"a" * MEGABYTE + b'"}', 413, "payload_too_large", id="a megabyte"),
        pytest.param(b"{}", 422, "validation_failed", id="nothing in it"),
        pytest.param(b'{"userId": "alice", "durationMinutes": -5}', 422, "validation_failed", id="negative minutes"),
    ],
)
def test_a_body_that_is_no_request_is_a_problem_document(
    api: Api, region: dict[str, str], body: bytes, status: int, code: str
) -> None:
    answer = api.call("POST", ALLOCATE, region["USER_TOKEN"], body)

    assert answer.status == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.body["code"] == code


def test_a_body_that_api_gateway_would_not_take_ends_there(api: Api, region: dict[str, str]) -> None:
    assert api.call("POST", ALLOCATE, region["USER_TOKEN"], b" " * (11 * MEGABYTE)).status == 413
