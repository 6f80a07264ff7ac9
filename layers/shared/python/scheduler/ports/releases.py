"""What the smoke function needs of a gradual deployment."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Version(NamedTuple):
    """One published version of one function."""

    function: str
    number: str


class Releases(Protocol):
    """The deployments of this stack."""

    def candidate(self, deployment_id: str) -> Version:
        """Give the version that waits for traffic.

        Raises:
            Unavailable: The deployment cannot be read, or names no version.
        """

    def call(self, version: Version, event: Mapping[str, Any]) -> Any:
        """Call exactly this version and give its answer.

        Raises:
            Unavailable: It could not be called, or failed.
        """

    def report(self, deployment_id: str, execution_id: str, *, passed: bool) -> None:
        """Let the deployment go on, or have it rolled back."""
