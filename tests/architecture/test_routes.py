"""The template, the code, the OpenAPI document and the sample events tell of the same routes."""

import ast
import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from scheduler.edge import access, limits
from scheduler.edge.access import ROUTES as ACCESS
from scheduler.edge.access import Access
from scheduler.edge.fields import View
from scheduler.edge.http import Api
from scheduler.turns import Pace
from tests.architecture.repository import FUNCTIONS, ROOT, tree
from tools import openapi
from tools.handlers import function_names, load_function
from tools.region import template
from tools.sam_local.cases import CASES

TEMPLATE = template.load()
ROUTES = template.routes(TEMPLATE)
IN_TEMPLATE = {(route.method, route.path, route.function) for route in ROUTES}
NOT_IN_DOCUMENT = {
    *("/scheduler/openapi.json", "/scheduler/docs"),
    *("/scheduler/console", "/scheduler/console/{version}/{asset}"),
}
EVENTS = ROOT / "events"


def routes_of(function: str) -> set[tuple[str, str, str]]:
    """(method, path, logical id) of each route that a function serves."""
    app = getattr(load_function(function), "app", None)
    if not isinstance(app, Api):
        return set()
    return {(route.method, route.path, f"{function.capitalize()}Function") for route in app.routes}


def models_of(function: ModuleType) -> set[type[View]]:
    """What stands in the envelopes and pages that a function's routes declare as their answers."""
    app = getattr(function, "app", None)
    answers = [get_type_hints(route.handler)["return"] for route in app.routes] if isinstance(app, Api) else []
    return {model for answer in answers for model in _within(answer) if not get_origin(model)}


def _within(kind: Any) -> Iterator[type[View]]:
    """Give the views that a type speaks of, however deep."""
    if isinstance(kind, type) and issubclass(kind, View):
        yield kind
    for part in get_args(kind):
        yield from _within(part)


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return event


def documented() -> dict[tuple[str, str], dict[str, Any]]:
    paths = json.loads(openapi.DOCUMENT.read_text())["paths"]
    return {(method.upper(), path): route for path, routes in paths.items() for method, route in routes.items()}


def handlers_of_post() -> list[Any]:
    """Each function of the code that serves a POST route."""
    return [
        pytest.param(node, id=f"{path.parent.name}.{node.name}")
        for path in sorted(FUNCTIONS.glob("*/*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and any(_is_post(decorator) for decorator in node.decorator_list)
    ]


def _is_post(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=ast.Attribute(attr="post")):
            return True
    return False


def test_the_template_routes_exactly_what_the_code_serves() -> None:
    served = set().union(*(routes_of(function) for function in function_names()))

    assert served == IN_TEMPLATE


def test_the_openapi_document_tells_exactly_what_the_template_routes() -> None:
    assert documented().keys() == {(r.method, r.path) for r in ROUTES if r.path not in NOT_IN_DOCUMENT}


def test_the_openapi_document_asks_for_a_token_where_the_template_does() -> None:
    needs_token = {(r.method, r.path) for r in ROUTES if r.needs_token}

    assert {key for key, route in documented().items() if route.get("security")} == needs_token


def test_the_table_of_access_names_exactly_what_the_template_routes() -> None:
    assert ACCESS.keys() == {f"{route.method} {route.path}" for route in ROUTES}


def test_the_template_asks_for_a_token_where_the_table_of_access_wants_somebody() -> None:
    somebody = {name for name, needed in ACCESS.items() if needed is not Access.ANYONE}

    assert {f"{route.method} {route.path}" for route in ROUTES if route.needs_token} == somebody


def test_the_openapi_document_says_of_each_route_who_may_call() -> None:
    said = {f"{method} {path}": route["x-access"] for (method, path), route in documented().items()}

    assert said == {name: needed for name, needed in ACCESS.items() if name.partition(" ")[2] not in NOT_IN_DOCUMENT}


def test_the_openapi_document_is_up_to_date() -> None:
    assert openapi.DOCUMENT.read_text() == openapi.text(), "run `make openapi`"


def test_no_answer_can_pass_for_another_that_shows_less() -> None:
    shown = [models_of(load_function(name)) for name in function_names()]
    more = {
        (model.__name__, other.__name__)
        for models in shown
        for model in models
        for other in models
        if model is not other and issubclass(model, other)
    }

    assert len(set().union(*shown)) > 20
    assert more == set(), "a subclass would be written whole, where the route declares what it is a subclass of"


def test_each_reference_in_the_document_leads_somewhere() -> None:
    text = openapi.DOCUMENT.read_text()
    components = json.loads(text)["components"]

    there = {f"#/components/{kind}/{name}" for kind, named in components.items() for name in named}
    assert set(re.findall(r'"\$ref": "([^"]+)"', text)) <= there


@pytest.mark.parametrize("key", [key for key, route in documented().items() if "requestBody" in route], ids=" ".join)
def test_each_body_that_says_anything_has_an_example(key: tuple[str, str]) -> None:
    schemas = json.loads(openapi.DOCUMENT.read_text())["components"]["schemas"]
    body = documented()[key]["requestBody"]["content"]["application/json"]["schema"]
    named = [
        each["$ref"].rpartition("/")[2] for each in body.get("anyOf") or body.get("oneOf", [body]) if "$ref" in each
    ]

    assert named
    assert all(schemas[name].get("examples") or not schemas[name].get("properties") for name in named)


def test_the_document_is_also_where_readers_look_for_it() -> None:
    assert (ROOT / "docs" / "openapi.json").resolve() == openapi.DOCUMENT.resolve()


@pytest.mark.parametrize("handler", handlers_of_post())
def test_every_post_takes_an_idempotency_key_and_hands_it_on(handler: ast.FunctionDef) -> None:
    keys = [arg.arg for arg in handler.args.args if arg.annotation and "request_key" in ast.unparse(arg.annotation)]
    used = {node.id for body in handler.body for node in ast.walk(body) if isinstance(node, ast.Name)}

    assert len(keys) == 1
    assert keys[0] in used


def test_there_are_as_many_post_handlers_as_post_routes() -> None:
    assert len(handlers_of_post()) == sum(route.method == "POST" for route in ROUTES)


def test_every_function_and_every_sample_event_is_tried_by_make_sam_local() -> None:
    samples = {str(path.relative_to(EVENTS)) for path in EVENTS.rglob("*.json") if "schemas" not in path.parts}

    assert {case.event for case in CASES} == samples
    assert {case.function for case in CASES} == set(template.functions(TEMPLATE))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_has_a_sample_event(route: template.Route) -> None:
    samples = {case.event for case in CASES if case.function == route.function and case.event.startswith("http/")}

    assert f"{route.method} {route.path}" in {sample(name)["routeKey"] for name in samples}


@pytest.mark.parametrize(("kind", "folder"), [("Schedule", "schedule"), ("SQS", "sqs")])
def test_every_function_called_by_a_schedule_or_queue_has_such_a_sample(kind: str, folder: str) -> None:
    called = {
        function
        for function, properties in template.functions(TEMPLATE).items()
        if any(event["Type"] == kind for event in properties.get("Events", {}).values())
    }

    assert called
    assert called == {case.function for case in CASES if case.event.startswith(f"{folder}/")}


def test_limits_and_throttles_name_routes_that_there_are() -> None:
    throttled = TEMPLATE["Resources"]["SchedulerApi"]["Properties"]["RouteSettings"]

    assert set(limits.OTHERWISE) | limits.IN_LINE | set(throttled) <= set(access.ROUTES)
    assert {route for route, pace in limits.OTHERWISE.items() if pace is Pace.BATCH} <= set(throttled)
