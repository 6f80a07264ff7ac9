"""Keys that more than one module reads."""


def user_tag(tenant_id: str, user_id: str) -> str:
    """Give the hash tag of a user, so that her lock, quota and rate keys share a cluster slot."""
    return f"{{{tenant_id}|{user_id}}}"


def quota_key(tenant_id: str, user_id: str) -> str:
    """Say where the cached quota document of a user lies; its text tells whose it is (quota_cache)."""
    return f"scheduler:quota:{user_tag(tenant_id, user_id)}"
