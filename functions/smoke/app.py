"""Called by CodeDeploy before a new version of a function gets traffic: lets it through, or has it rolled back."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from scheduler.edge.smoke import answering_smoke
from scheduler.edge.telemetry import invocation
from scheduler.runtime.releases import get_release_gate


def admit(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Try the version of the deployment that the event names, and report to CodeDeploy."""
    with invocation(event, context):
        return get_release_gate().admit(event["DeploymentId"], event["LifecycleEventHookExecutionId"])


handler = answering_smoke(admit)
