"""The stack that CloudFormation would make of template.yaml: transformed by SAM, its conditions and choices decided."""

import copy
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from samtranslator.translator.transform import transform

from tools.region import template

ABSENT = object()
"""What a property becomes that is not there under these parameters."""


class _NoPolicies:
    """SAM asks IAM for the ARNs of managed policies by name; templates of policies need none."""

    def load(self) -> dict[str, str]:
        return {}


class Planned:
    """Resources by logical id, as under the given parameters."""

    def __init__(self, parameters: Mapping[str, str], source: Mapping[str, Any] | None = None) -> None:
        """Plan template.yaml (or a changed copy of it)."""
        self.source: dict[str, Any] = copy.deepcopy(dict(source or template.load()))
        document = copy.deepcopy(self.source)
        for properties in template.functions(document).values():
            properties["CodeUri"] = "s3://bucket/" + properties["CodeUri"]
        layer = document["Resources"]["SharedLayer"]["Properties"]
        layer["ContentUri"] = "s3://bucket/" + layer["ContentUri"]
        defaults = {name: known.get("Default", "") for name, known in document["Parameters"].items()}
        self.parameters = {**defaults, **parameters}
        self.template: dict[str, Any] = transform(document, dict(parameters), _NoPolicies())
        self._conditions = self.template.get("Conditions", {})
        self.resources = {
            name: self.decided(resource)
            for name, resource in self.template["Resources"].items()
            if self._is_made(resource)
        }

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of all resources of a type."""
        return {n: r.get("Properties", {}) for n, r in self.resources.items() if r["Type"] == kind}

    def kinds(self) -> set[str]:
        """Types of what is made."""
        return {resource["Type"] for resource in self.resources.values()}

    def holds(self, condition: str) -> bool:
        """Tell whether a condition of the template is true."""
        return bool(self._truth(self._conditions[condition]))

    def decided(self, value: Any) -> Any:
        """Decide Fn::If, parameters and mappings in a value; other references stay."""
        if isinstance(value, list):
            return [one for one in map(self.decided, value) if one is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((kind, operand),) = value.items()
            if kind in {"Fn::If", "Fn::FindInMap"} or (kind == "Ref" and self._is_known(operand)):
                return self._choice(kind, operand)
        decided = {key: self.decided(one) for key, one in value.items()}
        return {key: one for key, one in decided.items() if one is not ABSENT}

    def _choice(self, kind: str, operand: Any) -> Any:
        if kind == "Ref":
            return self.parameters.get(operand, ABSENT)
        if kind == "Fn::If":
            condition, yes, no = operand
            return self.decided(yes if self.holds(condition) else no)
        name, first, second = map(self.decided, operand)
        return self.template["Mappings"][name][str(first)][second]

    def _is_known(self, name: str) -> bool:
        return name == "AWS::NoValue" or name in self.parameters

    def _is_made(self, resource: Mapping[str, Any]) -> bool:
        return "Condition" not in resource or self.holds(resource["Condition"])

    def _truth(self, asked: Any) -> Any:
        operators: dict[str, Callable[[Any], Any]] = {
            "Fn::Equals": lambda pair: str(self._truth(pair[0])) == str(self._truth(pair[1])),
            "Fn::Not": lambda one: not self._truth(one[0]),
            "Fn::And": lambda all_of: all(map(self._truth, all_of)),
            "Fn::Or": lambda any_of: any(map(self._truth, any_of)),
            "Fn::Join": lambda joined: joined[0].join(self._listed(joined[1])),
            "Fn::FindInMap": lambda _: self.decided(asked),
            "Condition": self.holds,
            "Ref": lambda name: self.parameters[name],
        }
        if not isinstance(asked, dict):
            return asked
        ((operator, operand),) = asked.items()
        return operators[operator](operand)

    def _listed(self, value: Any) -> list[str]:
        found = self._truth(value) if isinstance(value, dict) else [self._truth(one) for one in value]
        return found.split(",") if isinstance(found, str) else found


@cache
def planned(**parameters: str) -> Planned:
    """Plan template.yaml under these parameters, once."""
    return Planned(parameters)
