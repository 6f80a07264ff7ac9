"""Who calls, from the JWT claims that API Gateway has verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scheduler.domain.errors import Forbidden, Unauthorized, ValidationFailed
from scheduler.domain.model import DEFAULT_TENANT, Role, User

MAX_ID_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified identity: who, of which tenant, with what rights."""

    subject: str
    tenant_id: str
    role: Role

    @property
    def seen_tenant(self) -> str | None:
        """The tenant whose rows the caller sees; None: all."""
        return None if self.role is Role.OPERATOR else self.tenant_id

    @property
    def seen_user(self) -> str | None:
        """The user whose rows the caller sees; None: all of the tenant's."""
        return self.subject if self.role is Role.USER else None

    def acting_for(self, user_id: str, tenant_id: str | None) -> User:
        """Give the user that the caller acts for.

        Raises:
            Forbidden: A user names another user, or anybody but an operator another tenant.
        """
        if self.role is Role.USER and user_id != self.subject:
            raise Forbidden("A user may act only for itself")
        return User(self.tenant(tenant_id) or self.tenant_id, user_id)

    def acting_for_own(self, user_id: str | None, tenant_id: str | None) -> User:
        """Give the user that is meant where a user need not name itself.

        Raises:
            ValidationFailed: A service or an operator names nobody.
            Forbidden: As `acting_for`.
        """
        meant = user_id or self.seen_user
        if meant is None:
            raise ValidationFailed(members={"errors": [{"field": "userId", "detail": "whose is not said"}]})
        return self.acting_for(meant, tenant_id)

    def looking_at(self, user_id: str, tenant_id: str | None) -> User | None:
        """Give the user whose object is asked for by its path; None: of another user, which a user does not see.

        Raises:
            Forbidden: Anybody but an operator names another tenant.
        """
        tenant = self.tenant(tenant_id) or self.tenant_id
        return User(tenant, user_id) if self.seen_user in (None, user_id) else None

    def tenant(self, named: str | None) -> str | None:
        """Give the tenant that is meant; None only for an operator who names none.

        Raises:
            Forbidden: Somebody but an operator names another tenant.
        """
        if self.role is Role.OPERATOR:
            return named
        if named is not None and named != self.tenant_id:
            raise Forbidden("The token belongs to another tenant")
        return self.tenant_id


def caller_of(claims: Mapping[str, Any], tenant_claim: str, operator_group: str = "") -> Caller:
    """Read the claims; `scheduler.service` and Cognito's `scheduler/service` are the same scope.

    Args:
        claims: What API Gateway has verified.
        tenant_claim: The name of the claim that names the tenant.
        operator_group: The group of the people who are operators; empty: who has the scope is one.

    Raises:
        Unauthorized: They name no subject, or one that no column holds.
    """
    subject = str(claims.get("sub") or "")
    tenant_id = str(claims.get(tenant_claim) or DEFAULT_TENANT)
    if not subject or max(len(subject), len(tenant_id)) > MAX_ID_LENGTH or "\0" in subject + tenant_id:
        raise Unauthorized
    scopes = str(claims.get("scope") or "").replace("/", ".").split()
    if "scheduler.operator" in scopes and _may_operate(claims, operator_group):
        role = Role.OPERATOR
    elif "scheduler.service" in scopes:
        role = Role.SERVICE
    else:
        role = Role.USER
    return Caller(subject, tenant_id, role)


def _may_operate(claims: Mapping[str, Any], group: str) -> bool:
    """Tell whether the scope is enough: a machine was given it itself, people may only have their client's."""
    is_machine = bool(claims["sub"] == claims.get("client_id"))
    return not group or is_machine or group in _listed(claims.get("cognito:groups"))


def _listed(claim: object) -> list[str]:
    """Read a claim that is a list, which API Gateway passes on as `[one other]`."""
    text = " ".join(map(str, claim)) if isinstance(claim, list) else str(claim or "")
    return (text[1:-1] if text.startswith("[") and text.endswith("]") else text).split()
