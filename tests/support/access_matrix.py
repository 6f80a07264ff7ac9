"""Who must be refused what: every route of the OpenAPI document, every way to come without the right.

Made of the document alone, so that a new route is in it with its parameters, its body and its `x-access`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

NOWHERE = "00000000-0000-4000-8000-000000000000"
"""The id of nothing."""
UNREADABLE = {"nonsense": True}
"""A body that no route takes: who is let in gets no further, who is not learns nothing of that."""
LET_IN = frozenset({200, 404, 422})


class Who(StrEnum):
    """Callers. Tokens that are not valid carry an operator's claims: only that they are not valid can refuse them."""

    NOBODY = "no token"
    EXPIRED = "an expired token"
    WRONG_AUDIENCE = "a token for another audience"
    WRONG_ISSUER = "a token of another issuer"
    UNSIGNED = "a token of alg none"
    CHANGED_SIGNATURE = "a changed signature"
    CHANGED_CLAIMS = "changed claims"
    OWNER = "the owner"
    OTHER_USER = "another user"
    SERVICE = "the tenant's service"
    OTHER_TENANTS_USER = "another tenant's user"
    OTHER_TENANTS_SERVICE = "another tenant's service"
    OPERATOR = "an operator"


NOT_VALID = list(Who)[:7]
LEAST = {"user": Who.OTHER_USER, "service": Who.SERVICE, "operator": Who.OPERATOR}
"""Who has no more than a route asks for."""
TOO_LITTLE = {"user": (), "service": (Who.OTHER_USER,), "operator": (Who.OTHER_USER, Who.SERVICE)}


class Kind(StrEnum):
    """What is tried."""

    OPEN = "is open"
    LET_IN = "is let in"
    NOT_VALID = "is not known"
    SCOPE = "lacks the scope"
    FOREIGN = "asks for what is not its own"
    NAMES_TENANT = "names another tenant"
    NAMES_USER = "names another user"
    FOREIGN_ROWS = "lists"


@dataclass(frozen=True, slots=True)
class Operation:
    """A route as the document has it. `body`: an example that is valid; `names`: where it can name whose."""

    method: str
    path: str
    access: str
    queries: frozenset[str]
    body: Mapping[str, Any] | None
    fields: frozenset[str]
    item_fields: frozenset[str]

    @property
    def in_path(self) -> list[str]:
        """The ids that the path asks for."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def objects(self) -> list[str]:
        """The ids that path or body ask for."""
        in_body = [field for field in self.fields if field in ("deviceId", "allocationIds")]
        return self.in_path + in_body


@dataclass(frozen=True, slots=True)
class Case:
    """One request that must be answered so and not otherwise."""

    operation: Operation
    kind: Kind
    who: Who
    expected: frozenset[int]

    def __str__(self) -> str:
        """Name it as a sentence."""
        return f"{self.operation.method} {self.operation.path}: {self.who} {self.kind}"


@dataclass(frozen=True, slots=True)
class World:
    """What there is: the owner's user id, objects by the name of their id, two tenants, values that bodies need."""

    owner: str
    tenant: str
    other_tenant: str
    objects: Mapping[str, str]
    fitting: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any] | None


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Read every route of an OpenAPI document."""
    schemas = document["components"]["schemas"]
    return [
        _operation(method.upper(), path, told, schemas)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]


def cases(document: Mapping[str, Any]) -> list[Case]:
    """Give all that is tried."""
    return [case for operation in operations(document) for case in _cases_of(operation)]


def _operation(method: str, path: str, told: Mapping[str, Any], schemas: Mapping[str, Any]) -> Operation:
    body, fields, item_fields = None, frozenset[str](), frozenset[str]()
    if "requestBody" in told:
        schema = told["requestBody"]["content"]["application/json"]["schema"]
        either = schema.get("anyOf") or schema.get("oneOf", [schema])
        named = [each["$ref"].rpartition("/")[2] for each in either if "$ref" in each]
        first = schemas[named[0]]
        body = (first.get("examples") or [{}])[0]
        fields = frozenset(first.get("properties", {}))
        items = first.get("properties", {}).get("items", {}).get("items", {}).get("$ref", "").rpartition("/")[2]
        item_fields = frozenset(schemas.get(items, {}).get("properties", {}))
    queries = frozenset(each["name"] for each in told.get("parameters", []) if each["in"] == "query")
    return Operation(method, path, told["x-access"], queries, body, fields, item_fields)


def _cases_of(operation: Operation) -> Iterator[Case]:
    access = operation.access
    if access == "anyone":
        yield Case(operation, Kind.OPEN, Who.NOBODY, frozenset({200}))
        return
    for who in NOT_VALID:
        yield Case(operation, Kind.NOT_VALID, who, frozenset({401}))
    for who in TOO_LITTLE[access]:
        yield Case(operation, Kind.SCOPE, who, frozenset({403}))
    yield Case(operation, Kind.LET_IN, LEAST[access], LET_IN)
    if access != "operator":
        yield from _strangers(operation)


def _strangers(operation: Operation) -> Iterator[Case]:
    """Who may call, but not for this user or tenant."""
    users = operation.access == "user"
    strangers = [Who.OTHER_TENANTS_SERVICE, *([Who.OTHER_TENANTS_USER, Who.OTHER_USER] if users else [])]
    if operation.objects:
        if operation.in_path == ["userId"]:
            strangers.remove(Who.OTHER_TENANTS_USER)  # is of the owner's name: what goes by it is its own
        yield from (Case(operation, Kind.FOREIGN, who, frozenset({404})) for who in strangers)
    elif operation.method == "GET":
        yield from (Case(operation, Kind.FOREIGN_ROWS, who, frozenset({200})) for who in strangers)
    named = operation.queries | operation.fields | operation.item_fields
    if "tenantId" in named:
        for who in (Who.SERVICE, *((Who.OWNER,) if users else ())):
            yield Case(operation, Kind.NAMES_TENANT, who, frozenset({403}))
    if "userId" in named and users and not operation.objects:
        yield Case(operation, Kind.NAMES_USER, Who.OTHER_USER, frozenset({403}))


def request_of(case: Case, world: World) -> Request:
    """Give what is sent: valid but for what is tried, or, where nothing may come of it, for nothing and unreadable."""
    operation, kind = case.operation, case.kind
    real = kind in (Kind.FOREIGN, Kind.NAMES_TENANT, Kind.NAMES_USER)
    ids = {**world.objects, "userId": world.owner} if real else dict.fromkeys(operation.in_path, NOWHERE)
    path = re.sub(r"{(\w+)}", lambda found: ids[found[1]], operation.path)
    body = None if operation.body is None else _valid(operation, world) if real else UNREADABLE
    query: dict[str, str] = {}
    if kind is Kind.FOREIGN_ROWS and "userId" in operation.queries and case.who is Who.OTHER_TENANTS_SERVICE:
        query["userId"] = world.owner  # of the same name, in its own tenant
    if kind is Kind.NAMES_TENANT:
        _name(operation, "tenantId", world.other_tenant, query, body)
        _name(operation, "userId", world.owner, query, body)
    if kind is Kind.NAMES_USER:
        _name(operation, "userId", world.owner, query, body)
    return Request(operation.method, path, query, body)


def complaint(case: Case, world: World, status: int, text: str) -> str | None:
    """Say what is wrong with an answer; None: nothing."""
    if status not in case.expected:
        return f"{case}: {status} instead of {sorted(case.expected)}: {text[:200]}"
    shown = [name for name, value in world.objects.items() if value in text]
    if case.kind is Kind.FOREIGN_ROWS and shown:
        return f"{case}, and is shown {shown}"
    return None


def _valid(operation: Operation, world: World) -> dict[str, Any]:
    body = dict(operation.body or {})
    body |= {name: value for name, value in world.fitting.items() if name in body}
    if "deviceId" in operation.fields:
        body = {"deviceId": world.objects["deviceId"]}
    if "allocationIds" in operation.fields:
        body |= {"allocationIds": [world.objects["allocationId"]]}
    if "atomic" in operation.fields:  # or the refusal would stand beside the item
        body = {name: value for name, value in body.items() if name != "continueOnError"} | {"atomic": True}
    return body


def _name(operation: Operation, field: str, value: str, query: dict[str, str], body: Mapping[str, Any] | None) -> None:
    """Name somebody wherever the operation lets one."""
    if field in operation.queries:
        query[field] = value
    if isinstance(body, dict) and field in operation.fields:
        body[field] = value
    if isinstance(body, dict) and field in operation.item_fields:
        body["items"] = [{**item, field: value} for item in body["items"]]
