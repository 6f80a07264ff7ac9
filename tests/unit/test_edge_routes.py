"""Routes are found by method and path, and handlers get what their parameters say: no more, and only what is valid."""

import base64
import json
from typing import Annotated

import pytest
from msgspec import Meta

from scheduler.domain.errors import InvalidJson, RouteNotFound, ValidationFailed
from scheduler.edge.answers import Response, ok, proxy_answer
from scheduler.edge.call import Call, Given, Query
from scheduler.edge.fields import Id, View, WireModel
from scheduler.edge.request import Request, path_of
from scheduler.edge.routes import Routes


def nothing() -> Response[str]:
    return Response(200, "")


@pytest.fixture
def routes():
    """Variable parts before, among and after fixed ones; the one with a variable part was added first."""
    routes = Routes()
    for path in ("/phones/{phoneId}", "/phones/stats", "/phones/{phoneId}/apps/{appId}", "/phones"):
        routes.get(path)(nothing)
    routes.post("/phones")(nothing)
    return routes


@pytest.mark.parametrize(
    ("method", "path", "name", "variables"),
    [
        pytest.param("GET", "/phones/7", "GET /phones/{phoneId}", {"phoneId": "7"}, id="a variable part"),
        pytest.param("GET", "/phones/stats", "GET /phones/stats", {}, id="a fixed path goes before it"),
        pytest.param("POST", "/phones", "POST /phones", {}, id="by method"),
        pytest.param("GET", "/phones/a%20b", "GET /phones/{phoneId}", {"phoneId": "a%20b"}, id="nothing is decoded"),
        pytest.param("GET", "/phones/ü b", "GET /phones/{phoneId}", {"phoneId": "ü b"}, id="unescaped text"),
        pytest.param(
            "GET",
            "/phones/7/apps/x",
            "GET /phones/{phoneId}/apps/{appId}",
            {"phoneId": "7", "appId": "x"},
            id="two variable parts",
        ),
    ],
)
def test_a_request_finds_its_route(routes, method, path, name, variables):
    route, found = routes.find(method, path)

    assert (route.name, found) == (name, variables)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/phones"),
        ("POST", "/phones/7"),
        ("GET", "/phones/"),
        ("GET", "/phones/7/"),
        ("GET", "/phones/7/8"),
        ("GET", '/phones/"7"'),
        ("GET", "/phones/7\n"),
        ("GET", "/phones/7#8"),
        ("GET", ""),
    ],
)
def test_what_matches_none_is_no_route(routes, method, path):
    with pytest.raises(RouteNotFound):
        routes.find(method, path)


def test_a_file_takes_over_the_routes_of_another(routes):
    whole = Routes()
    whole.include(routes)

    assert whole.find("GET", "/phones/7")[0].name == "GET /phones/{phoneId}"


def test_a_stage_is_no_part_of_the_path():
    assert path_of({"rawPath": "/live/phones", "requestContext": {"stage": "live"}}) == "/phones"


class Wish(WireModel):
    """What a body may say."""

    minutes: int


def request(text="", query=None, raw="", **in_path):
    """A request whose handler is `lend`."""
    return Request(
        method="POST",
        path="/phones",
        route="POST /phones",
        headers={"accept": "text/csv"},
        query=query or {},
        in_path=in_path,
        text=text,
        who=None,
        event={"rawQueryString": raw},
    )


def lend(
    phoneId: Id,  # noqa: N803
    body: Wish,
    accept: Annotated[str, Given(lambda request: request.headers["accept"])],
    clock: Annotated[int, Given(lambda: 12)],
    limit: Annotated[Annotated[int, Meta(ge=1, le=9)], Query()] = 5,
    kind: Annotated[str | None, Query(alias="deviceKind")] = None,
) -> Response[str]:
    return Response(200, "")


def arguments(request):
    return Call(lend, frozenset({"phoneId"})).arguments(request)


def faults(request):
    with pytest.raises(ValidationFailed) as refusal:
        arguments(request)
    return refusal.value.members["errors"]


def test_each_parameter_comes_from_where_it_says():
    asked = request('{"minutes": 3}', {"limit": "7", "deviceKind": "a", "other": "x"}, phoneId="p")

    assert arguments(asked) == {
        "phoneId": "p",
        "body": Wish(minutes=3),
        "accept": "text/csv",
        "clock": 12,
        "limit": 7,
        "kind": "a",
    }


def test_what_a_request_leaves_out_has_its_default():
    given = arguments(request('{"minutes": 3}', phoneId="p"))

    assert (given["limit"], given["kind"]) == (5, None)


def test_all_that_is_wrong_is_told_at_once_by_its_name_on_the_wire():
    told = faults(request('{"minutes": "3", "more": 1}', {"limit": "10", "deviceKind": "a,b"}, phoneId=""))

    assert [fault["field"] for fault in told] == ["phoneId", "limit", "minutes", "more"]
    assert told[1]["detail"] == "Expected int <= 9"


def test_a_parameter_given_twice_is_refused_and_one_with_a_comma_is_not():
    twice = request('{"minutes": 3}', {"deviceKind": "a,b"}, raw="deviceKind=a&deviceKind=b", phoneId="p")
    once = request('{"minutes": 3}', {"deviceKind": "a,b"}, raw="deviceKind=a%2Cb", phoneId="p")

    assert [fault["field"] for fault in faults(twice)] == ["deviceKind"]
    assert arguments(once)["kind"] == "a,b"


def test_a_body_that_is_missing_is_a_fault_and_one_that_is_no_json_is_worse():
    assert faults(request(phoneId="p")) == [{"field": "body", "detail": "Field required"}]
    with pytest.raises(InvalidJson):
        arguments(request("{", {"limit": "10"}, phoneId="p"))


def test_an_optional_body_may_be_missing():
    def stop(body: Wish | None = None) -> Response[str]:
        return Response(200, "")

    assert Call(stop, frozenset()).arguments(request()) == {}


def test_nothing_is_given_to_a_request_that_is_not_valid():
    asked = []

    def take(body: Wish, lent: Annotated[str, Given(lambda: asked.append("lent"))]) -> Response[str]:
        return Response(200, lent)

    with pytest.raises(ValidationFailed):
        Call(take, frozenset()).arguments(request("{}"))

    assert asked == []


def test_a_parameter_that_does_not_say_where_it_comes_from_is_a_mistake():
    def lost(where: str) -> Response[str]:
        return Response(200, where)

    with pytest.raises(TypeError, match="where does not say where it comes from"):
        Call(lost, frozenset())


def test_a_body_is_read_once():
    asked = request('{"minutes": 3}')

    assert asked.body is asked.body


class PhoneView(View):
    """What an answer may say."""

    name: str


def test_a_model_goes_out_as_compact_json_with_its_letters_as_they_are():
    answer = proxy_answer(ok(PhoneView(name="Gerät")))

    assert answer == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": '{"name":"Gerät"}',
        "isBase64Encoded": False,
    }
    assert json.dumps(answer)  # Lambda writes it as JSON


def test_bytes_go_out_encoded():
    answer = proxy_answer(Response(200, b"\x1f\x8b", "text/html", {"Content-Encoding": "gzip"}))

    assert answer["headers"] == {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    assert (base64.b64decode(answer["body"]), answer["isBase64Encoded"]) == (b"\x1f\x8b", True)
