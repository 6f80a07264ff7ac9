"""Who calls, and for whom they may act, follows from the verified claims alone."""

import pytest

from scheduler.domain.errors import Forbidden, Unauthorized
from scheduler.domain.model import Role, User
from scheduler.edge.identity import Caller, caller_of

ANA = Caller("ana", "acme", Role.USER)
SHOP = Caller("shop", "acme", Role.SERVICE)
NIGHT_SHIFT = Caller("night-shift", "default", Role.OPERATOR)


@pytest.mark.parametrize(
    ("scope", "role"),
    [
        pytest.param(None, Role.USER, id="no scope is a user"),
        pytest.param("", Role.USER, id="an empty scope is a user"),
        pytest.param("openid profile", Role.USER, id="scopes of others are a user"),
        pytest.param("scheduler.service", Role.SERVICE, id="a service"),
        pytest.param("scheduler/service", Role.SERVICE, id="a service as Cognito writes it"),
        pytest.param("openid scheduler.service email", Role.SERVICE, id="a service among other scopes"),
        pytest.param("scheduler/operator", Role.OPERATOR, id="an operator as Cognito writes it"),
        pytest.param("scheduler.service scheduler.operator", Role.OPERATOR, id="the higher of two"),
        pytest.param("scheduler.services", Role.USER, id="a longer word is another scope"),
        pytest.param("xscheduler.service", Role.USER, id="so is one with a prefix"),
        pytest.param("SCHEDULER.SERVICE", Role.USER, id="so is one in capitals"),
        pytest.param("scheduler.service,scheduler.operator", Role.USER, id="commas separate nothing"),
    ],
)
def test_the_scope_gives_the_role(scope, role):
    assert caller_of({"sub": "ana", "scope": scope}, "tenant_id").role is role


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        pytest.param(
            {"cognito:groups": "[night operators]"}, Role.OPERATOR, id="in the group, as the gateway writes it"
        ),
        pytest.param({"cognito:groups": "[operators]"}, Role.OPERATOR, id="in it alone"),
        pytest.param({"cognito:groups": ["operators"]}, Role.OPERATOR, id="as the token has it"),
        pytest.param({"cognito:groups": "operators"}, Role.OPERATOR, id="as one word"),
        pytest.param({"client_id": "ana"}, Role.OPERATOR, id="a machine, which is its client"),
        pytest.param({}, Role.USER, id="in no group"),
        pytest.param({"client_id": "console"}, Role.USER, id="in no group, by a client"),
        pytest.param({"cognito:groups": "[]"}, Role.USER, id="in an empty list of groups"),
        pytest.param({"cognito:groups": "[operators-in-training]"}, Role.USER, id="in one with a longer name"),
        pytest.param({"cognito:groups": "[[operators]]"}, Role.USER, id="in one that looks like a list"),
        pytest.param({"groups": "[operators]"}, Role.USER, id="by another claim"),
        pytest.param({"scope": "", "cognito:groups": "[operators]"}, Role.USER, id="in the group without the scope"),
    ],
)
def test_where_a_group_is_named_people_need_it_beside_the_scope(claims, role):
    asked = {"sub": "ana", "scope": "openid scheduler/operator"} | claims

    assert caller_of(asked, "tenant_id", "operators").role is role


@pytest.mark.parametrize(
    ("claims", "tenant"),
    [
        pytest.param({"sub": "ana", "tenant_id": "acme"}, "acme", id="named"),
        pytest.param({"sub": "ana"}, "default", id="absent"),
        pytest.param({"sub": "ana", "tenant_id": ""}, "default", id="empty"),
        pytest.param({"sub": "ana", "custom:org": "globex"}, "default", id="in another claim"),
    ],
)
def test_the_tenant_claim_gives_the_tenant(claims, tenant):
    assert caller_of(claims, "tenant_id").tenant_id == tenant


def test_the_tenant_claim_can_have_another_name():
    assert caller_of({"sub": "ana", "tenant_id": "acme", "custom:org": "globex"}, "custom:org").tenant_id == "globex"


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="no subject"),
        pytest.param({"sub": ""}, id="an empty subject"),
        pytest.param({"sub": "x" * 256}, id="a subject that no column holds"),
        pytest.param({"sub": "ana", "tenant_id": "x" * 256}, id="a tenant that no column holds"),
        pytest.param({"sub": "a\0na"}, id="a subject that Postgres refuses"),
        pytest.param({"sub": "ana", "tenant_id": "ac\0me"}, id="a tenant that Postgres refuses"),
    ],
)
def test_claims_that_name_nobody_are_no_identity(claims):
    with pytest.raises(Unauthorized):
        caller_of(claims, "tenant_id")


@pytest.mark.parametrize(
    ("caller", "user_id", "tenant_id", "user"),
    [
        pytest.param(ANA, "ana", None, User("acme", "ana"), id="a user for itself"),
        pytest.param(ANA, "ana", "acme", User("acme", "ana"), id="a user may name its tenant"),
        pytest.param(SHOP, "ben", None, User("acme", "ben"), id="a service for any user of its tenant"),
        pytest.param(NIGHT_SHIFT, "ben", "globex", User("globex", "ben"), id="an operator in any tenant"),
        pytest.param(NIGHT_SHIFT, "ben", None, User("default", "ben"), id="an operator in its own when none is named"),
    ],
)
def test_callers_act_for(caller, user_id, tenant_id, user):
    assert caller.acting_for(user_id, tenant_id) == user


@pytest.mark.parametrize(
    ("caller", "user_id", "tenant_id"),
    [
        pytest.param(ANA, "ben", None, id="a user not for another"),
        pytest.param(ANA, "ana", "globex", id="a user not in another tenant"),
        pytest.param(SHOP, "ben", "globex", id="a service not in another tenant"),
        pytest.param(SHOP, "ben", "", id="nor in one without a name"),
    ],
)
def test_callers_do_not_act_for(caller, user_id, tenant_id):
    with pytest.raises(Forbidden):
        caller.acting_for(user_id, tenant_id)


@pytest.mark.parametrize(
    ("caller", "tenant", "user"),
    [
        pytest.param(ANA, "acme", "ana", id="a user its own rows"),
        pytest.param(SHOP, "acme", None, id="a service its tenant's"),
        pytest.param(NIGHT_SHIFT, None, None, id="an operator all"),
    ],
)
def test_callers_see(caller, tenant, user):
    assert (caller.seen_tenant, caller.seen_user) == (tenant, user)
