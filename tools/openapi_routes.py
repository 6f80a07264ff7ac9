"""The routes of functions as OpenAPI tells of them: paths, and the schemas that they name."""

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from scheduler.edge.answers import Response
from scheduler.edge.body import JSON
from scheduler.edge.call import Given, OneOf, Query, mark_of, source_of
from scheduler.edge.fields import Wire
from scheduler.edge.routes import Route

_REF = "#/components/schemas/{name}"
_MODULE = re.compile(r"scheduler(\.[a-z_]+)+\.(?=[A-Z])")
"""Where a type stands, in the name of a generic one: of no interest to callers."""
_DESCRIPTION = "Successful Response"

type Json = dict[str, Any]
type Schemas = Mapping[Any, Json]
"""The schema of each type, which may refer to a component."""


def paths_and_components(routes: Iterable[Route], *others: type) -> tuple[Json, Json]:
    """Describe routes, and all that they and `others` speak of."""
    # Routes with variable parts come last, as they are found.
    ordered = sorted((route for route in routes if _is_told(route)), key=lambda route: bool(route.variables))
    kinds = list(dict.fromkeys([*(kind for route in ordered for kind in _kinds(route)), *others]))
    found, components = schemas_of(kinds)
    schemas = dict(zip(kinds, found, strict=True))
    paths: Json = {}
    for route in ordered:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return paths, components


def schemas_of(kinds: Sequence[Any]) -> tuple[tuple[Json, ...], Json]:
    """Give the schema of each type, and the components that they refer to."""
    told = {kind.__name__: kind for kind in _subclasses(Wire)}
    wanted = list(kinds)
    while True:
        found, components = msgspec.json.schema_components(wanted, schema_hook=_schema, ref_template=_REF)
        missing = {name for name in re.findall(r"schemas/(\w+)'", str(components)) if name not in components}
        if not missing:
            break
        wanted += [told[name] for name in sorted(missing)]
    found, components = json.loads(_MODULE.sub("", json.dumps([found, components])))
    for name, component in components.items():
        if name in told and (examples := vars(told[name]).get("EXAMPLES")):
            component["examples"] = list(examples)
    return found[: len(kinds)], components


def _is_told(route: Route) -> bool:
    return route.described.get("include_in_schema", True)


def _schema(kind: Any) -> Json:
    """Give the schema of a type of ours."""
    return dict(kind.SCHEMA)


def _subclasses(kind: type) -> Iterator[type]:
    inner: type
    for inner in kind.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _kinds(route: Route) -> Iterator[Any]:
    """Give each type that a route takes or answers."""
    for name, hint in _hints(route).items():
        if name == "return":
            yield from _answers(hint)
        elif mark_of(hint, OneOf) is not None:
            yield from get_args(get_args(hint)[0])
        elif not isinstance(source_of(name, hint, route.variables), Given):
            yield hint
    for response in route.described.get("responses", {}).values():
        yield from (content["model"] for content in response["content"].values() if "model" in content)


def _operation(route: Route, schemas: Schemas) -> Json:
    described, hints = route.described, _hints(route)
    status = str(described.get("status_code", HTTPStatus.OK.value))
    operation: Json = {
        "tags": list(described.get("tags", ())),
        "summary": described.get("summary"),
        "description": inspect.getdoc(route.handler),
        "operationId": re.sub(r"\W", "_", f"{route.handler.__name__}{route.path}_{route.method.lower()}"),
        "parameters": [],
        "responses": {status: _response(_DESCRIPTION, _any_of([schemas[kind] for kind in _answers(hints["return"])]))},
    }
    for name, parameter in inspect.signature(route.handler).parameters.items():
        match source_of(name, hints[name], route.variables):
            case Query() as query:
                operation["parameters"].append(_in_query(query, parameter, schemas[hints[name]]))
            case "path":
                place = {"name": name, "in": "path", "required": True}
                operation["parameters"].append(place | {"schema": schemas[hints[name]]})
            case "body":
                required = parameter.default is parameter.empty
                operation["requestBody"] = _content(_body(hints[name], schemas)) | {"required": required}
    for code, response in described.get("responses", {}).items():
        operation["responses"][str(code)] = _declared(response, schemas)
    return {name: value for name, value in operation.items() if value} | {**described.get("openapi_extensions", {})}


def _in_query(query: Query, parameter: inspect.Parameter, schema: Json) -> Json:
    default = {} if parameter.default in (None, parameter.empty) else {"default": parameter.default}
    told = {"description": query.description} if query.description else {}
    place = {"name": query.alias or parameter.name, "in": "query", "required": parameter.default is parameter.empty}
    return place | told | {"schema": schema | default}


def _body(hint: Any, schemas: Schemas) -> Json:
    if mark_of(hint, OneOf) is not None:
        return {"oneOf": [schemas[kind] for kind in get_args(get_args(hint)[0])]}
    return schemas[hint]


def _declared(response: Mapping[str, Any], schemas: Schemas) -> Json:
    contents = response["content"].items()
    content = {kind: {"schema": schemas[told["model"]]} if "model" in told else told for kind, told in contents}
    return {"description": response["description"], "content": content}


def _response(description: str, schema: Json) -> Json:
    return {"description": description} | _content(schema)


def _content(schema: Json) -> Json:
    return {"content": {JSON: {"schema": schema}}}


def _hints(route: Route) -> Json:
    return get_type_hints(route.handler, include_extras=True)


def _answers(hint: Any) -> tuple[Any, ...]:
    """Give each kind of body that a handler answers."""
    assert hint.__origin__ is Response
    (body,) = get_args(hint)
    return get_args(body) if get_origin(body) in (Union, UnionType) else (body,)


def _any_of(schemas: list[Json]) -> Json:
    return {"anyOf": schemas} if len(schemas) > 1 else schemas[0]
