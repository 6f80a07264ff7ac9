"""Deploy template.yaml into the emulated cloud by CloudFormation, as `sam deploy` would."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.region import cloud, template
from tools.region.layout import ROOT, STACK, Layout
from tools.region.packaging import build_function, build_layer
from tools.region.processes import RegionError

_BUCKET = "packages"
_TEMPLATE = "template.json"
_DEPLOY_SECONDS = 120


@dataclass(frozen=True)
class Stack:
    """What the deployment made: outputs by name, physical ids by logical id."""

    outputs: Mapping[str, str]
    physical: Mapping[str, str]


def package(layout: Layout, port: int) -> dict[str, Any]:
    """Build and upload layer and functions; return the template with its folders replaced by what was uploaded."""
    document = template.load()
    storage = cloud.client("s3", port)
    storage.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})

    def upload(name: str, content: bytes) -> str:
        storage.put_object(Bucket=_BUCKET, Key=name, Body=content)
        return f"s3://{_BUCKET}/{name}"

    for name, properties in template.functions(document).items():
        properties["CodeUri"] = upload(f"{name}.zip", build_function(ROOT / properties["CodeUri"]))
    for name, resource in document["Resources"].items():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = upload(f"{name}.zip", build_layer(layout))
    return document


def deploy(document: Mapping[str, Any], parameters: Mapping[str, str], port: int) -> Stack:
    """Create the stack and wait for it; raise RegionError with the failed resources' reasons."""
    formation = cloud.client("cloudformation", port)
    # By way of the bucket, as the template is longer than a request may be.
    cloud.client("s3", port).put_object(Bucket=_BUCKET, Key=_TEMPLATE, Body=json.dumps(document).encode())
    formation.create_stack(
        StackName=STACK,
        TemplateURL=f"{cloud.endpoint(port)}/{_BUCKET}/{_TEMPLATE}",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while time.monotonic() < deadline:
        stack = formation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
            return Stack(outputs, _physical_ids(formation))
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.1)
    raise RegionError(f"the stack did not deploy: {stack['StackStatus']}\n{_reasons(formation)}")


def invoke(function: str, event: Mapping[str, Any], port: int) -> Any:
    """Call a function by its physical name and return its answer; raise RegionError when it fails."""
    answer = cloud.client("lambda", port).invoke(FunctionName=function, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        raise RegionError(f"{function} failed: {payload.get('errorMessage', payload)}")
    return payload


def start_now(function: str, port: int) -> None:
    """Call a scheduled function without waiting for it."""
    cloud.client("lambda", port).invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")


def _physical_ids(formation: Any) -> dict[str, str]:
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=STACK)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }


def _reasons(formation: Any) -> str:
    events = formation.describe_stack_events(StackName=STACK)["StackEvents"]
    return "\n".join(
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in reversed(events)
        if "FAILED" in event["ResourceStatus"] and event.get("ResourceStatusReason")
    )
