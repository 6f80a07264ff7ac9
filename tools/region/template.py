"""Read template.yaml, its short intrinsic functions included."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.region.layout import ROOT

TEMPLATE = ROOT / "template.yaml"


class _Loader(yaml.SafeLoader):
    """A YAML loader that knows !Ref and the others."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template with every short form in its long form."""
    with path.open() as stream:
        template: dict[str, Any] = yaml.load(stream, _Loader)
    return template


def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of the functions by logical id."""
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


@dataclass(frozen=True)
class Route:
    """One route of the HTTP API."""

    method: str
    path: str
    function: str
    needs_token: bool


def routes(template: dict[str, Any]) -> list[Route]:
    """Return the routes that the functions' HttpApi events declare, in the order of the file."""
    found = []
    for function, properties in functions(template).items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "HttpApi":
                asked = event["Properties"]
                needs_token = asked.get("Auth", {}).get("Authorizer") != "NONE"
                found.append(Route(asked["Method"], asked["Path"], function, needs_token))
    return found


def database_roles(template: dict[str, Any]) -> dict[str, str]:
    """Return the Postgres role of each function, by the name of its folder; empty: the role that migrates."""
    common = template["Globals"]["Function"]["Environment"]["Variables"]["DB_USER"]
    roles = {}
    for name, properties in functions(template).items():
        user = properties.get("Environment", {}).get("Variables", {}).get("DB_USER", common)
        roles[name.removesuffix("Function").lower()] = user["Fn::If"][1] if "Fn::If" in user else ""
    return roles
