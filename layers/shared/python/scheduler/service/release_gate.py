"""Try a new version before callers reach it."""

import logging
from collections.abc import Mapping
from typing import Any

from scheduler.domain.errors import Unavailable
from scheduler.ports.releases import Releases, Version

logger = logging.getLogger(__name__)

SMOKE = {"smoke": True}
PASSED = {"smoke": "passed"}
HEALTH: Mapping[str, Any] = {
    "version": "2.0",
    "routeKey": "GET /scheduler/health",
    "rawPath": "/scheduler/health",
    "rawQueryString": "",
    "headers": {},
    "requestContext": {
        "http": {"method": "GET", "path": "/scheduler/health"},
        "requestId": "smoke",
        "stage": "$default",
    },
    "isBase64Encoded": False,
}
"""A request as API Gateway sends it; it reads, and asks the database too."""
ANSWERS_HEALTH = "QueryFunction"


class ReleaseGate:
    """Calls the candidate of a deployment with nothing to do, and reports what came of it."""

    def __init__(self, releases: Releases) -> None:
        """Take the deployments."""
        self._releases = releases

    def admit(self, deployment_id: str, execution_id: str) -> Mapping[str, Any]:
        """Report whether the candidate may have traffic. What cannot be tried has failed: nobody waits for an hour."""
        version, reason = None, ""
        try:
            version = self._releases.candidate(deployment_id)
            reason = self._fault(version)
        except Unavailable as error:
            reason = str(error)
        facts = {"version": ":".join(version) if version else None, "passed": not reason, "reason": reason}
        logger.info("version tried", extra=facts)
        self._releases.report(deployment_id, execution_id, passed=not reason)
        return facts

    def _fault(self, version: Version) -> str:
        """Say what is wrong with the version; nothing, when nothing is."""
        if self._releases.call(version, SMOKE) != PASSED:
            return "another answer to the smoke call"
        if ANSWERS_HEALTH in version.function and self._releases.call(version, HEALTH).get("statusCode") != 200:
            return "the scheduler is not healthy"
        return ""
