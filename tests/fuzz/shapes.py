"""What the API takes, read from its OpenAPI document: routes, their parameters, and a good body for each."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
USERS = ("alice", "bob", "carol", "dora", "emil")
DEEPEST = 6
TARGET = "127.0.0.1:9"
"""Where webhooks may lead: nobody listens there."""


@dataclass(frozen=True)
class Operation:
    """One route: its parameters by place, and its bodies as the document shows them."""

    method: str
    path: str
    parameters: Sequence[tuple[str, str, Mapping[str, Any]]]
    schema: Mapping[str, Any] | None
    examples: Sequence[Any]

    @property
    def name(self) -> str:
        """Give method and path."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Shapes:
    """The document, with its references followed."""

    document: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path = DOCUMENT) -> "Shapes":
        """Read the document of this checkout."""
        return cls(json.loads(path.read_text()))

    def operations(self) -> list[Operation]:
        """List every route of the document."""
        return [
            self._operation(method.upper(), path, operation)
            for path, operations in self.document["paths"].items()
            for method, operation in operations.items()
        ]

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a reference, if it is one."""
        if "$ref" not in schema:
            return schema
        found: Mapping[str, Any] = self.document["components"]["schemas"][schema["$ref"].split("/")[-1]]
        return found

    def good(self, operation: Operation, rng: Random) -> Any:
        """Make a body that should be taken: an example of the document, or one made from the schema."""
        if operation.examples and rng.random() < 0.7:
            body = json.loads(json.dumps(rng.choice(operation.examples)))
        else:
            body = self.value(operation.schema or {}, rng)
        return _timely(body, rng)

    def value(self, schema: Mapping[str, Any], rng: Random, depth: int = 0) -> Any:
        """Make a value of a schema; optional members come and go."""
        schema = self.resolved(schema)
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self.value(rng.choice(schema[several]), rng, depth)
        if "const" in schema or "enum" in schema:
            return rng.choice(schema.get("enum") or [schema["const"]])
        kind = schema.get("type")
        if kind == "object" and depth < DEEPEST:
            required = schema.get("required", [])
            return {
                name: self.value(member, rng, depth + 1)
                for name, member in schema.get("properties", {}).items()
                if name in required or rng.random() < 0.3
            }
        if kind == "array":
            most = max(schema.get("minItems", 0), min(3, schema.get("maxItems", 3)))
            return [
                self.value(schema.get("items", {}), rng, depth + 1)
                for _ in range(rng.randint(schema.get("minItems", 0), most))
            ]
        return _plain(schema, rng)

    def _operation(self, method: str, path: str, operation: Mapping[str, Any]) -> Operation:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = content.get("schema")
        examples = [entry["value"] for entry in content.get("examples", {}).values() if "value" in entry]
        if schema is not None:
            choices = [self.resolved(option) for option in [schema, *self.resolved(schema).get("anyOf", [])]]
            examples += [example for choice in choices for example in choice.get("examples", [])]
        parameters = [(p["in"], p["name"], self.resolved(p.get("schema", {}))) for p in operation.get("parameters", [])]
        return Operation(method, path, parameters, schema, examples)


def _plain(schema: Mapping[str, Any], rng: Random) -> Any:
    """Make a value that is neither object nor array."""
    match schema.get("type"):
        case "integer" | "number":
            low, high = int(schema.get("minimum", 0)), int(schema.get("maximum", 1000))
            return rng.choice([low, high, rng.randint(low, high)])
        case "boolean":
            return rng.random() < 0.5
        case "string":
            return _text(schema, rng)
        case "null" | "object" | None:
            return {} if schema.get("type") == "object" else None
    return None


def _text(schema: Mapping[str, Any], rng: Random) -> str:
    if "[0-9a-fA-F]{8}" in schema.get("pattern", "") or schema.get("format") == "uuid":
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    if schema.get("format") == "uri":
        return "https://example.com/hook"
    most = int(schema.get("maxLength", 20))
    text = rng.choice([*USERS, "x" * most, "é" * min(most, 30)])
    return text[:most]


def _timely(body: Any, rng: Random) -> Any:
    """Move times into the future, webhooks to where they may lead, acts to few users, who meet each other's."""
    if isinstance(body, dict):
        start = datetime.now(UTC) + timedelta(minutes=rng.randint(5, 60 * 24 * 80))
        end = start + timedelta(minutes=rng.randint(15, 600))
        instead = {"startTime": start.isoformat(), "endTime": end.isoformat(), "url": f"http://{TARGET}/hook"}
        instead["userId"] = rng.choice(USERS)
        body.update({name: value for name, value in instead.items() if isinstance(body.get(name), str)})
    for member in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        _timely(member, rng)
    return body
