"""Puts a cap before a call, in the same round trip."""

from typing import Any

from scheduler.domain.caps import Cap, Capped


def under_cap(what: Capped, cap: Cap, call: str) -> str:
    """Give the expression that refuses at the cap, else makes the call; without a cap the call alone.

    Its parameters are those of `cap_parameters`, and `tenant`, `user` and `key` of the call.
    """
    if cap == Cap():
        return call
    return (
        f"coalesce(cap_refusal('{what}', %(tenant)s, %(user)s, %(more)s, %(tenant_cap)s, %(user_cap)s,"
        f" %(key)s::request_key), {call})"
    )


def cap_parameters(cap: Cap, more: int = 1) -> dict[str, Any]:
    """Give what `under_cap` needs beyond the call's own; `more` is how many are asked for."""
    return {"more": more, "tenant_cap": cap.tenant, "user_cap": cap.user}
