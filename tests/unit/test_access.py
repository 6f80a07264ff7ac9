"""Who may call what follows from one table; what it does not name, nobody may."""

import pytest

from scheduler.domain.errors import Forbidden, RouteNotFound
from scheduler.domain.model import Role
from scheduler.edge.access import Access, admit, needed_for
from scheduler.edge.answers import Response
from scheduler.edge.http import Api, lambda_entry
from tests.support.api import OPERATOR, SERVICE, USER, Context, http_event


@pytest.mark.parametrize(
    ("role", "may"),
    [
        pytest.param(Role.USER, {Access.USER}, id="a user"),
        pytest.param(Role.SERVICE, {Access.USER, Access.SERVICE}, id="a service"),
        pytest.param(Role.OPERATOR, {Access.USER, Access.SERVICE, Access.OPERATOR}, id="an operator"),
    ],
)
def test_each_role_passes_what_needs_no_more_than_it_is(role, may):
    def passes(needed):
        try:
            admit(role, needed)
        except Forbidden:
            return False
        return True

    assert {needed for needed in Access if needed is not Access.ANYONE and passes(needed)} == may


@pytest.mark.parametrize("route", ["GET /scheduler/nothing", "PUT /scheduler/health", "get /scheduler/health", ""])
def test_what_the_table_does_not_name_is_no_route(route):
    with pytest.raises(RouteNotFound):
        needed_for(route)


@pytest.fixture
def called():
    """The names of the handlers that were reached."""
    return []


@pytest.fixture
def api(called):
    """Two routes of which only one is in the table; its handler forgot to ask who calls."""
    app = Api()
    app.get("/scheduler/audit")(lambda: called.append("audit") or Response(200, "{}"))
    app.get("/scheduler/secrets")(lambda: called.append("secrets") or Response(200, "{}"))
    return lambda_entry(app)


@pytest.mark.parametrize("claims", [None, USER, SERVICE, OPERATOR], ids=["nobody", "user", "service", "operator"])
def test_a_route_that_was_forgotten_in_the_table_is_reached_by_nobody(api, called, claims):
    assert api(http_event("GET", "/scheduler/secrets", claims), Context())["statusCode"] == 404
    assert called == []


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        pytest.param(None, 401, id="nobody"),
        pytest.param(USER, 403, id="a user"),
        pytest.param(SERVICE, 403, id="a service"),
        pytest.param(OPERATOR, 200, id="an operator"),
    ],
)
def test_a_handler_that_asks_for_nobody_is_guarded_all_the_same(api, called, claims, status):
    assert api(http_event("GET", "/scheduler/audit", claims), Context())["statusCode"] == status
    assert called == (["audit"] if status == 200 else [])


@pytest.mark.parametrize("token", [{"sub": ""}, {"tenant_id": "acme"}, {"sub": "x" * 256}], ids=str)
def test_claims_that_name_nobody_do_not_pass(api, called, token):
    assert api(http_event("GET", "/scheduler/audit", token), Context())["statusCode"] == 401
    assert called == []
