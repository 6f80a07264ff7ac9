"""The people of the demo: two users of one tenant, its service, another tenant's service, the operator."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from tools.region.issuer import Issuer

_IDS = {"USER_ID": "alice", "OTHER_USER_ID": "bob", "TENANT_ID": "acme", "OTHER_TENANT_ID": "globex"}
_SERVICE = "scheduler.service"
_OPERATOR = "scheduler.operator"


def tokens_and_ids(issuer: Issuer) -> dict[str, str]:
    """Return the ids and a token for each identity, by their names in .local/env."""
    tenant, other = _IDS["TENANT_ID"], _IDS["OTHER_TENANT_ID"]
    return _IDS | {
        "USER_TOKEN": issuer.token(_IDS["USER_ID"], tenant),
        "OTHER_USER_TOKEN": issuer.token(_IDS["OTHER_USER_ID"], tenant),
        "SERVICE_TOKEN": issuer.token("acme-backend", tenant, _SERVICE),
        "OTHER_TENANT_TOKEN": issuer.token("globex-backend", other, _SERVICE),
        "OPERATOR_TOKEN": issuer.token("operator", None, _OPERATOR),
    }


def write_environment(path: Path, values: Mapping[str, str]) -> None:
    """Write shell assignments that only their owner may read, in one go."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))
    draft.replace(path)


def read_environment(path: Path) -> dict[str, str]:
    """Return what `write_environment` wrote."""
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, value in pairs}
