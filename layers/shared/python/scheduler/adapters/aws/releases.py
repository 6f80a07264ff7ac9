"""Gradual deployments: CodeDeploy says which version waits, Lambda calls it."""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from scheduler.domain.errors import Unavailable
from scheduler.ports.releases import Version

_NAME = re.compile(r'\bName"?\s*:\s*"?([\w:-]+)')
_TARGET = re.compile(r'\bTargetVersion"?\s*:\s*"?(\d+)')


class CodeDeployReleases:
    """CodeDeploy's deployments of Lambda functions."""

    def candidate(self, deployment_id: str) -> Version:
        """Read the deployment's AppSpec, in JSON or YAML, for the function and its new version."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self._deployments.get_deployment(deploymentId=deployment_id)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The deployment could not be read ({type(error).__name__})") from error
        revision = found["deploymentInfo"].get("revision", {})
        content = str((revision.get("appSpecContent") or revision.get("string") or {}).get("content", ""))
        name, target = _NAME.search(content), _TARGET.search(content)
        if not (name and target):
            raise Unavailable("The deployment names no version")
        return Version(name[1], target[1])

    def call(self, version: Version, event: Mapping[str, Any]) -> Any:
        """Invoke the version, and wait for its answer."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = self._functions.invoke(
                FunctionName=version.function, Qualifier=version.number, Payload=json.dumps(event).encode()
            )
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"The version could not be called ({type(error).__name__})") from error
        payload = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise Unavailable(f"The version failed ({payload.get('errorType', answer['FunctionError'])})")
        return payload

    def report(self, deployment_id: str, execution_id: str, *, passed: bool) -> None:
        """Tell CodeDeploy; an error here is raised, since nothing else would be told."""
        self._deployments.put_lifecycle_event_hook_execution_status(
            deploymentId=deployment_id,
            lifecycleEventHookExecutionId=execution_id,
            status="Succeeded" if passed else "Failed",
        )

    @cached_property
    def _deployments(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client("codedeploy", config=Config(connect_timeout=3, read_timeout=10))

    @cached_property
    def _functions(self) -> Any:
        import boto3
        from botocore.config import Config

        # Within this function's own time: a cold start of the version, and its answer.
        return boto3.client(
            "lambda", config=Config(connect_timeout=3, read_timeout=40, retries={"total_max_attempts": 1})
        )
