"""A new version passes the gate only when it answers as it must; whatever happens, CodeDeploy is told."""

import importlib
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from scheduler.adapters.aws.releases import CodeDeployReleases
from scheduler.domain.errors import Unavailable
from scheduler.ports.releases import Version
from scheduler.service.release_gate import HEALTH, PASSED, SMOKE, ReleaseGate
from scheduler.settings import ConfigurationError, settings
from tests.support.wiring import forget_wiring
from tools.handlers import function_names, load_function

APPSPEC = {
    "version": 0.0,
    "Resources": [
        {
            "StackAllocateFunction": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Name": "stack-AllocateFunction-1",
                    "Alias": "live",
                    "CurrentVersion": "6",
                    "TargetVersion": "7",
                },
            }
        }
    ],
}
YAML_APPSPEC = """version: 0.0
Resources:
  - Any:
      Type: AWS::Lambda::Function
      Properties:
        Name: stack-AllocateFunction-1
        Alias: live
        CurrentVersion: 6
        TargetVersion: 7
"""


class FakeReleases:
    """One deployment, with a version that answers as told."""

    def __init__(self, function: str = "stack-AllocateFunction-1", **answers: Any) -> None:
        self.version = Version(function, "7")
        self.answers = {"smoke": PASSED, "health": {"statusCode": 200}} | answers
        self.reported: list[tuple[str, str, bool]] = []

    def candidate(self, deployment_id: str) -> Version:
        if "unreadable" in self.answers:
            raise Unavailable("The deployment names no version")
        return self.version

    def call(self, version: Version, event: Mapping[str, Any]) -> Any:
        answer = self.answers["smoke" if event == SMOKE else "health"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def report(self, deployment_id: str, execution_id: str, *, passed: bool) -> None:
        self.reported.append((deployment_id, execution_id, passed))


@pytest.mark.parametrize(
    ("releases", "passes"),
    [
        pytest.param(FakeReleases(), True, id="answers the smoke call"),
        pytest.param(FakeReleases(smoke={"smoke": "later"}), False, id="answers something else"),
        pytest.param(FakeReleases(smoke=Unavailable("The version failed")), False, id="fails"),
        pytest.param(FakeReleases(unreadable=True), False, id="cannot be found out"),
        pytest.param(FakeReleases("stack-QueryFunction-1"), True, id="says that it is healthy"),
        pytest.param(FakeReleases("stack-QueryFunction-1", health={"statusCode": 503}), False, id="is not healthy"),
        pytest.param(
            FakeReleases(health={"statusCode": 503}), True, id="is not asked for health that it does not know"
        ),
    ],
)
def test_a_version_passes_when_it(releases: FakeReleases, passes: bool) -> None:
    facts = ReleaseGate(releases).admit("d-1", "e-1")

    assert facts["passed"] is passes
    assert releases.reported == [("d-1", "e-1", passes)]


@pytest.mark.parametrize("name", function_names())
def test_every_function_passes_a_smoke_call_and_does_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")  # whatever it would do fails
    forget_wiring()
    context = SimpleNamespace(function_name=name, get_remaining_time_in_millis=lambda: 60_000)

    assert load_function(name).handler(dict(SMOKE), context) == PASSED


def test_a_wrong_variable_fails_the_smoke_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PORT", "none")
    settings.cache_clear()

    with pytest.raises(ConfigurationError, match="DB_PORT"):
        load_function("allocate").handler(dict(SMOKE), None)
    monkeypatch.undo()
    settings.cache_clear()


def test_the_health_request_finds_its_route(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/nobody")
    monkeypatch.setenv("REDIS_HOST", "")
    forget_wiring()

    answer = load_function("query").handler(dict(HEALTH), SimpleNamespace(function_name="query"))

    assert answer["statusCode"] == 503  # found, and not healthy here
    monkeypatch.undo()
    forget_wiring()


def stubbed(monkeypatch: pytest.MonkeyPatch, service: str, attribute: str) -> tuple[CodeDeployReleases, Stubber]:
    client = boto3.client(service, region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test")  # type: ignore[call-overload]
    releases = CodeDeployReleases()
    monkeypatch.setitem(releases.__dict__, attribute, client)
    return releases, Stubber(client)


@pytest.mark.parametrize(
    "revision",
    [
        {"revisionType": "AppSpecContent", "appSpecContent": {"content": json.dumps(APPSPEC)}},
        {"revisionType": "String", "string": {"content": YAML_APPSPEC}},
    ],
    ids=["json", "yaml"],
)
def test_the_candidate_is_read_from_the_deployment(revision: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    releases, stub = stubbed(monkeypatch, "codedeploy", "_deployments")
    stub.add_response("get_deployment", {"deploymentInfo": {"revision": revision}}, {"deploymentId": "d-1"})

    with stub:
        assert releases.candidate("d-1") == ("stack-AllocateFunction-1", "7")


def test_a_deployment_that_names_no_version_or_cannot_be_read_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    releases, stub = stubbed(monkeypatch, "codedeploy", "_deployments")
    stub.add_response("get_deployment", {"deploymentInfo": {}})
    stub.add_client_error("get_deployment", "DeploymentDoesNotExistException")

    with stub:
        for _ in range(2):
            with pytest.raises(Unavailable):
                releases.candidate("d-1")


def test_the_outcome_is_told_to_codedeploy(monkeypatch: pytest.MonkeyPatch) -> None:
    releases, stub = stubbed(monkeypatch, "codedeploy", "_deployments")
    for status in ("Succeeded", "Failed"):
        told = {"deploymentId": "d-1", "lifecycleEventHookExecutionId": "e-1", "status": status}
        stub.add_response("put_lifecycle_event_hook_execution_status", {}, told)

    with stub:
        releases.report("d-1", "e-1", passed=True)
        releases.report("d-1", "e-1", passed=False)
        stub.assert_no_pending_responses()


class Payload:
    """What boto3 gives as the body of an answer."""

    def __init__(self, value: Any) -> None:
        self._text = json.dumps(value).encode()

    def read(self) -> bytes:
        return self._text


def test_exactly_the_new_version_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    releases, stub = stubbed(monkeypatch, "lambda", "_functions")
    asked = {"FunctionName": "stack-AllocateFunction-1", "Qualifier": "7", "Payload": json.dumps(SMOKE).encode()}
    stub.add_response("invoke", {"StatusCode": 200, "Payload": Payload(PASSED)}, asked)
    stub.add_response("invoke", {"FunctionError": "Unhandled", "Payload": Payload({"errorType": "ImportError"})}, asked)

    with stub:
        assert releases.call(Version("stack-AllocateFunction-1", "7"), SMOKE) == PASSED
        with pytest.raises(Unavailable, match="ImportError"):
            releases.call(Version("stack-AllocateFunction-1", "7"), SMOKE)


def test_the_function_tells_the_gate_what_codedeploy_said(monkeypatch: pytest.MonkeyPatch) -> None:
    releases = FakeReleases()
    smoke = load_function("smoke")
    wiring = importlib.import_module("scheduler.runtime.releases")
    monkeypatch.setattr(smoke, "get_release_gate", lambda: ReleaseGate(releases))

    smoke.handler({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "e-1"}, SimpleNamespace())

    assert releases.reported == [("d-1", "e-1", True)]
    assert isinstance(wiring.get_release_gate(), ReleaseGate)
