"""The matrix of access has every route in it, and turns red for whatever lets somebody in who must not be."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.access_matrix import (
    NOT_VALID,
    Case,
    Kind,
    Request,
    Who,
    World,
    cases,
    complaint,
    operations,
    request_of,
)
from tools import openapi
from tools.region import template

DOCUMENT = json.loads(openapi.DOCUMENT.read_text())
CASES = cases(DOCUMENT)
OBJECTS = {
    "allocationId": "an-allocation",
    "deviceId": "a-device",
    "entryId": "a-wait",
    "notificationId": "a-notice",
    "reservationId": "a-reservation",
    "webhookId": "a-webhook",
}
WORLD = World("olga", "acme", "globex", OBJECTS, {})

Gate = Callable[[Case, Request], tuple[int, str]]


def as_it_should(case: Case, _: Request) -> tuple[int, str]:
    return min(case.expected), "{}"


def complaints(gate: Gate) -> list[Case]:
    """The cases that a gate fails."""
    return [case for case in CASES if complaint(case, WORLD, *gate(case, request_of(case, WORLD)))]


def test_every_route_is_in_it() -> None:
    shut = {(route.method, route.path) for route in template.routes(template.load()) if route.needs_token}

    assert {(case.operation.method, case.operation.path) for case in CASES if case.kind is not Kind.OPEN} == shut


@pytest.mark.parametrize("operation", operations(DOCUMENT), ids=lambda each: f"{each.method} {each.path}")
def test_every_way_to_come_without_the_right_is_tried_on_each_route(operation: Any) -> None:
    tried = {(case.kind, case.who) for case in CASES if case.operation == operation}
    if operation.access == "anyone":
        assert tried == {(Kind.OPEN, Who.NOBODY)}
        return
    assert tried >= {(Kind.NOT_VALID, who) for who in NOT_VALID}
    assert Kind.LET_IN in {kind for kind, _ in tried}
    if operation.access != "user":
        assert (Kind.SCOPE, Who.OTHER_USER) in tried
    if operation.access == "operator":
        assert (Kind.SCOPE, Who.SERVICE) in tried
    elif operation.in_path:
        assert (Kind.FOREIGN, Who.OTHER_TENANTS_SERVICE) in tried
    elif operation.method == "GET":
        assert (Kind.FOREIGN_ROWS, Who.OTHER_TENANTS_SERVICE) in tried
    if operation.access == "user" and operation.in_path:
        assert (Kind.FOREIGN, Who.OTHER_USER) in tried


def test_each_id_of_a_path_has_an_object_to_ask_for() -> None:
    open_to_users = [operation for operation in operations(DOCUMENT) if operation.access != "operator"]

    assert {name for operation in open_to_users for name in operation.in_path} <= {*OBJECTS, "userId"}


def test_what_names_another_does_so_in_what_is_sent() -> None:
    for case in CASES:
        sent = json.dumps([dict(request_of(case, WORLD).query), request_of(case, WORLD).body])
        if case.kind is Kind.NAMES_TENANT:
            assert "globex" in sent, case
        if case.kind is Kind.NAMES_USER:
            assert "olga" in sent, case


def test_an_api_that_refuses_as_it_should_is_green() -> None:
    assert complaints(as_it_should) == []


def test_a_route_without_an_authorizer_is_red_for_every_token() -> None:
    def gate(case: Case, request: Request) -> tuple[int, str]:
        open_now = case.operation.path == "/scheduler/audit" and case.kind is Kind.NOT_VALID
        return (200, "{}") if open_now else as_it_should(case, request)

    assert [case.who for case in complaints(gate)] == NOT_VALID


@pytest.mark.parametrize("status", [200, 404, 422, 500])
@pytest.mark.parametrize("kind", [Kind.NOT_VALID, Kind.SCOPE, Kind.NAMES_TENANT, Kind.NAMES_USER])
def test_whoever_is_let_through_is_seen_on_every_route(kind: Kind, status: int) -> None:
    def gate(case: Case, request: Request) -> tuple[int, str]:
        return (status, "{}") if case.kind is kind else as_it_should(case, request)

    assert complaints(gate) == [case for case in CASES if case.kind is kind]
    assert complaints(gate)


@pytest.mark.parametrize("status", [200, 403])
def test_what_is_not_ones_own_is_neither_given_nor_admitted_to_exist(status: int) -> None:
    def gate(case: Case, request: Request) -> tuple[int, str]:
        return (status, "{}") if case.kind is Kind.FOREIGN else as_it_should(case, request)

    assert complaints(gate) == [case for case in CASES if case.kind is Kind.FOREIGN]


def test_a_list_that_shows_somebody_elses_row_is_red() -> None:
    def gate(case: Case, request: Request) -> tuple[int, str]:
        status, _ = as_it_should(case, request)
        return status, '{"data": [{"id": "an-allocation"}]}'

    assert complaints(gate) == [case for case in CASES if case.kind is Kind.FOREIGN_ROWS]


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_an_api_that_shuts_everybody_out_is_not_green(status: int) -> None:
    red = complaints(lambda *_: (status, "{}"))

    assert all(case in red for case in CASES if case.kind in (Kind.LET_IN, Kind.OPEN))
